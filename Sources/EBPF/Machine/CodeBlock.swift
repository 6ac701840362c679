// SPDX-License-Identifier: Apache-2.0

/// An executable as engines see it: raw words that do not move, which generated code reads, too.
///
///      0  entry         the generated entry; 0 if the interpreter runs the program
///      8  instructions  decoded, at the indices of their slots
///     16  count         of instructions
///     24  helpers       ``HelperTable/capacity`` addresses by number, 0 for none
///     32  functions     one row per instruction: its generated address and the octets of stack that a call of it
///                       needs (0: no function begins here), the octets of its own frame that it may touch
///     40  main          the generated address of the first function
///
/// Written while the executable is made, only read afterwards, by any thread.
@frozen
@safe
@usableFromInline
struct CodeBlock: @unchecked Sendable {
  static let byteCount = 48
  /// One function or none.
  struct Row {
    var address: UInt = 0
    var stackByteCount: UInt32 = 0
    var frameByteCount: UInt32 = 0
  }

  // Safe: points to `byteCount` octets that the executable owns, which outlives every run.
  @usableFromInline let block: UnsafeMutableRawPointer

  @inlinable
  @inline(__always)
  init(_ block: UnsafeMutableRawPointer) { unsafe self.block = unsafe block }

  @inlinable var entry: UInt {
    @inline(__always)
    get { unsafe block.load(as: UInt.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, as: UInt.self) }
  }
  @inlinable var main: UInt {
    @inline(__always)
    get { unsafe block.load(fromByteOffset: 40, as: UInt.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 40, as: UInt.self) }
  }
  @inline(__always) var instructions: UnsafeMutablePointer<Instruction> {
    unsafe block.load(fromByteOffset: 8, as: UnsafeMutablePointer<Instruction>.self)
  }
  @inline(__always) var count: Int { unsafe block.load(fromByteOffset: 16, as: Int.self) }
  @inline(__always) var helpers: UnsafeMutablePointer<Helper?> {
    unsafe block.load(fromByteOffset: 24, as: UnsafeMutablePointer<Helper?>.self)
  }
  @inline(__always) var rows: UnsafeMutablePointer<Row> {
    unsafe block.load(fromByteOffset: 32, as: UnsafeMutablePointer<Row>.self)
  }

  static func make(_ program: Program, _ helpers: HelperTable) -> CodeBlock {
    let count = program.instructions.count
    let block = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 8)
    let instructions = UnsafeMutablePointer<Instruction>.allocate(capacity: count)
    unsafe instructions.initialize(from: program.instructions, count: count)
    let table = UnsafeMutablePointer<Helper?>.allocate(capacity: HelperTable.capacity)
    unsafe table.initialize(from: helpers.functions, count: HelperTable.capacity)
    let rows = UnsafeMutablePointer<Row>.allocate(capacity: count)
    unsafe rows.initialize(repeating: Row(), count: count)
    for function in program.functions {
      unsafe rows[function.range.lowerBound].stackByteCount = UInt32(
        function.depth * RunContext.frameByteCount)
      unsafe rows[function.range.lowerBound].frameByteCount = UInt32(function.frameByteCount)
    }
    unsafe block.storeBytes(of: 0, as: UInt.self)
    unsafe block.storeBytes(
      of: instructions, toByteOffset: 8, as: UnsafeMutablePointer<Instruction>.self)
    unsafe block.storeBytes(of: count, toByteOffset: 16, as: Int.self)
    unsafe block.storeBytes(of: table, toByteOffset: 24, as: UnsafeMutablePointer<Helper?>.self)
    unsafe block.storeBytes(of: rows, toByteOffset: 32, as: UnsafeMutablePointer<Row>.self)
    unsafe block.storeBytes(of: 0, toByteOffset: 40, as: UInt.self)
    return unsafe CodeBlock(block)
  }

  func deallocate() {
    unsafe instructions.deallocate()
    unsafe helpers.deallocate()
    unsafe rows.deallocate()
    unsafe block.deallocate()
  }

  @usableFromInline
  func address(of index: Int) -> UInt { unsafe rows[index].address }

  /// The helper that a value in a register names.
  func helper(_ value: UInt64) -> Helper? {
    value < UInt64(HelperTable.capacity) ? unsafe helpers[Int(value)] : nil
  }

  /// The function that a value in a register names, as the index of its first instruction.
  func function(_ handle: UInt64) -> Int? {
    let index = handle & ~RunContext.functionTag
    guard handle & RunContext.functionTag != 0, index < UInt64(count) else { return nil }
    return depth(of: Int(index)) > 0 ? Int(index) : nil
  }

  /// The octets of stack that a function and those that it calls need; 0 if none begins there.
  @inline(__always)
  func depth(of index: Int) -> Int { Int(unsafe rows[index].stackByteCount) }
}
