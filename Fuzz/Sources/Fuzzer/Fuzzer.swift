// SPDX-License-Identifier: Apache-2.0

private import CFuzzer
private import Glibc

/// Feeds an entry until the time given on the command line is over, or the process ends because a promise was broken.
///
/// - Parameter entry: What gets each input; it answers 0.
public func feed(_ entry: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) {
  var count = CommandLine.argc
  // Safe: arguments live as long as the process.
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
  unsafe exit(LLVMFuzzerRunDriver(&count, &arguments, entry))
}

/// An input of the fuzzer.
///
/// - Parameters:
///   - octets: What an entry got.
///   - count: How many.
/// - Returns: A copy of them.
public func input(_ octets: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
  // Safe: the fuzzer's input lives until its entry returns.
  unsafe Array(UnsafeBufferPointer(start: octets, count: count))
}
