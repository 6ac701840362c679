// SPDX-License-Identifier: Apache-2.0

/// One decoded and validated instruction: what both engines work from.
///
/// Instructions stand at the index of their slot, so an index means the same in messages, jumps and both engines.
struct Instruction: Sendable {
  var operation: Operation
  /// The register that is written, or that holds the address of a store; 0...10.
  var destination: UInt8 = 0
  /// The register that is read, or that holds the address of a load; 0...10.
  var source: UInt8 = 0
  /// The octets added to an address, or the index that a jump or a local call goes to.
  var target: Int32 = 0
  /// The constant, sign-extended; the operation of an atomic access; the number of a helper.
  var immediate: Int64 = 0

  static let secondSlot = Instruction(operation: .secondSlot)
}

/// What an atomic access does: the immediate of RFC 9669, section 5.3.
enum AtomicOperation {
  static let add: Int64 = 0x00
  static let or: Int64 = 0x40
  static let and: Int64 = 0x50
  static let xor: Int64 = 0xa0
  static let fetch: Int64 = 0x01
  static let exchange: Int64 = 0xe1
  static let compareExchange: Int64 = 0xf1
}
