// SPDX-License-Identifier: Apache-2.0

/// The registers of a run in the interpreter, and behind them what local calls save.
///
/// Safe: the words lie in the frame of ``Interpreter/run(_:from:context:arguments:)``; register numbers are validated to
/// be 0...10, and the saved words are bounded by the depth of calls.
@safe
struct Registers {
  /// Eleven registers, rounded up, and the return index and r6 to r9 of each frame.
  static let capacity = 16 + 5 * (RunContext.maximumFrames + 1)

  let words: UnsafeMutablePointer<UInt64>

  @inline(__always)
  subscript(number: Int) -> UInt64 {
    get { unsafe words[number] }
    nonmutating set { unsafe words[number] = newValue }
  }

  @inline(__always)
  func low(_ number: Int) -> UInt32 { UInt32(truncatingIfNeeded: self[number]) }

  @inline(__always)
  func setLow(_ number: Int, _ value: UInt32) { self[number] = UInt64(value) }

  @inline(__always)
  func signed(_ number: Int) -> Int64 { Int64(bitPattern: self[number]) }

  @inline(__always)
  func signedLow(_ number: Int) -> Int32 { Int32(truncatingIfNeeded: self[number]) }

  /// Saves what a local call must give back.
  func save(returnTo index: Int, depth: Int) {
    let place = 16 + 5 * depth
    self[place] = UInt64(index)
    for number in 0..<4 { self[place + 1 + number] = self[6 + number] }
  }

  /// Gives back what a local call saved; answers where to go on.
  func restore(depth: Int) -> Int {
    let place = 16 + 5 * depth
    for number in 0..<4 { self[6 + number] = self[place + 1 + number] }
    return Int(self[place])
  }
}
