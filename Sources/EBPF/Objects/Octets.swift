// SPDX-License-Identifier: Apache-2.0

/// Fields of a file by position: what lies outside is nil, never a trap.
extension [UInt8] {
  /// The little-endian value at a position, copied; nil if it is not all there.
  func value<Value: FixedWidthInteger>(at position: Int, as type: Value.Type) -> Value? {
    let byteCount = Value.bitWidth / 8
    guard position >= 0, byteCount <= count, position <= count - byteCount else { return nil }
    var result: Value = 0
    for index in (0..<byteCount).reversed() {
      result = result << 8 | Value(truncatingIfNeeded: self[position + index])
    }
    return result
  }

  /// The text at a position, which ends before a zero octet; nil if it does not end.
  func text(at position: Int) -> String? {
    guard indices.contains(position), let end = self[position...].firstIndex(of: 0) else {
      return nil
    }
    return String(decoding: self[position..<end], as: UTF8.self)
  }
}
