// SPDX-License-Identifier: Apache-2.0

// Safe: these read and write where the caller says. Every caller in this module has compared the
// range with the length of its octets once, before the first field; that is the module's one rule.
extension UnsafeRawPointer {
  /// Reads an unaligned field in network order.
  @inlinable @inline(__always)
  func field<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Value {
    unsafe Value(bigEndian: (self + offset).loadUnaligned(as: Value.self))
  }

  /// Reads an unaligned word whose first octet becomes its lowest.
  @inlinable @inline(__always)
  func word<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Value {
    unsafe Value(littleEndian: (self + offset).loadUnaligned(as: Value.self))
  }
}

extension UnsafeMutableRawPointer {
  /// Writes an unaligned field in network order.
  @inlinable @inline(__always)
  func setField<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ value: Value) {
    unsafe (self + offset).storeBytes(of: value.bigEndian, as: Value.self)
  }
}

extension UnsafeRawBufferPointer {
  /// The first octet; of no octets, some address that nobody reads.
  @inlinable @inline(__always)
  var start: UnsafeRawPointer {
    unsafe baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
  }
}
