// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Atomic accesses of the interpreter; false means that the address is in a hole.
///
/// All of them are sequentially consistent: another worker, and generated code, may be at the same word.
enum Atomics {
  @inline(__always)
  private static func result(_ operation: Int64, _ old: UInt64, _ operand: UInt64) -> UInt64 {
    switch operation & ~AtomicOperation.fetch {
    case AtomicOperation.add: old &+ operand
    case AtomicOperation.or: old | operand
    case AtomicOperation.and: old & operand
    case AtomicOperation.xor: old ^ operand
    default: operand
    }
  }

  /// A word of 32 bits.
  static func run32(
    _ instruction: Instruction, _ r: Registers, _ window: UnsafeMutableRawPointer
  ) -> Bool {
    unsafe run(
      instruction, r, window, clinux_guarded_load32, clinux_guarded_compare_exchange32,
      mask: 0xffff_ffff)
  }

  /// A word of 64 bits.
  static func run64(
    _ instruction: Instruction, _ r: Registers, _ window: UnsafeMutableRawPointer
  ) -> Bool {
    unsafe run(
      instruction, r, window, clinux_guarded_load64, clinux_guarded_compare_exchange64, mask: ~0)
  }

  @inline(__always)
  private static func run(
    _ instruction: Instruction, _ r: Registers, _ window: UnsafeMutableRawPointer,
    _ load: (UnsafeRawPointer) -> clinux_guarded,
    _ exchange: (UnsafeMutableRawPointer, UInt64, UInt64) -> clinux_guarded, mask: UInt64
  ) -> Bool {
    let base = UInt32(truncatingIfNeeded: r[Int(instruction.destination)])
    let address = unsafe window + Int(base &+ UInt32(bitPattern: instruction.target))
    let operand = r[Int(instruction.source)] & mask
    if instruction.immediate == AtomicOperation.compareExchange {
      let found = unsafe exchange(address, r[0] & mask, operand)
      if found.failed == 0 { r[0] = found.value & mask }
      return found.failed == 0
    }
    var old = unsafe load(address)
    while old.failed == 0 {
      let new = result(instruction.immediate, old.value, operand) & mask
      let found = unsafe exchange(address, old.value, new)
      guard found.failed == 0 else { return false }
      if found.value & mask == old.value {
        if instruction.immediate & AtomicOperation.fetch != 0 {
          r[Int(instruction.source)] = old.value
        }
        return true
      }
      old.value = found.value & mask
    }
    return false
  }
}
