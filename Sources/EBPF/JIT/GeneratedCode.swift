// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Machine code in memory that is first written, then executable, and never both.
@safe
final class GeneratedCode: Sendable {
  // Safe: mapped here, unmapped in deinit, not written after init.
  private nonisolated(unsafe) let address: UnsafeMutableRawPointer
  private let byteCount: Int

  /// Generates a program's code and writes into `code` where its entry and functions are.
  init(_ program: Program, _ code: CodeBlock) throws(ProgramError) {
    #if arch(x86_64)
    let image = X86Generator.generate(program, code)
    #else
    throw ProgramError(program: program.name, instruction: nil, problem: .noGenerator)
    #endif
    let byteCount = (image.octets.count + 4095) & ~4095
    let target = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let target = unsafe target, Int(bitPattern: target) != -1 else {
      throw ProgramError(program: program.name, instruction: nil, problem: .memory(errno: errno))
    }
    unsafe target.copyMemory(from: image.octets, byteCount: image.octets.count)
    var result: Int32 = 0
    if unsafe mprotect(target, byteCount, PROT_READ | PROT_EXEC) != 0 { result = errno }
    if result == 0 {
      result = unsafe clinux_guard_register_code(
        target, target + byteCount, target + image.faultStub)
    }
    guard result == 0 else {
      unsafe munmap(target, byteCount)
      throw ProgramError(program: program.name, instruction: nil, problem: .memory(errno: result))
    }
    unsafe address = unsafe target
    self.byteCount = byteCount
    code.entry = UInt(bitPattern: target) + UInt(image.entry)
    code.main =
      UInt(bitPattern: target) + UInt(image.functions.first { $0.index == 0 }?.offset ?? 0)
    for (index, offset) in image.functions {
      unsafe code.rows[index].address = UInt(bitPattern: target) + UInt(offset)
    }
  }

  deinit {
    unsafe clinux_guard_unregister_code(address)
    unsafe munmap(address, byteCount)
  }

  /// What a generator makes: position-independent octets, and where in them things are.
  struct Image {
    var octets: [UInt8]
    /// The function of type ``GeneratedEntry``.
    var entry: Int
    /// Where a run goes on after a memory fault.
    var faultStub: Int
    /// The first instruction of each function, and where its code begins.
    var functions: [(index: Int, offset: Int)]
  }
}
