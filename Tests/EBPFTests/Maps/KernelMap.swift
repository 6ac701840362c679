// SPDX-License-Identifier: Apache-2.0

import CLinux
import EBPF
import Glibc
import Syscalls

/// A map of the running kernel, by bpf(2).
final class KernelMap {
  /// The processors that the kernel's maps have values for.
  static let processorCount = sysconf(Int32(_SC_NPROCESSORS_CONF))

  private let descriptor: Int32
  private let keyByteCount: Int
  private let valueByteCount: Int

  init(_ spec: MapSpec) throws(Errno) {
    let words = [
      spec.type, spec.keyByteCount, spec.valueByteCount, spec.maximumEntries, spec.flags,
    ]
    descriptor = try KernelMap.call(0, words.map(UInt64.init), isWords: true)
    keyByteCount = Int(spec.keyByteCount)
    let value = Int(spec.valueByteCount)
    let isPerCPU = MapKind(rawValue: spec.type)?.isPerCPU ?? false
    valueByteCount = isPerCPU ? (value + 7) / 8 * 8 * KernelMap.processorCount : value
  }

  deinit { close(descriptor) }

  /// Calls with an attribute union of 32-bit or of 64-bit fields.
  private static func call(
    _ command: Int32, _ fields: [UInt64], isWords: Bool = false
  ) throws(Errno) -> Int32 {
    var attributes = [UInt8](repeating: 0, count: 144)
    for (index, field) in fields.enumerated() {
      for octet in 0..<(isWords ? 4 : 8) {
        attributes[index * (isWords ? 4 : 8) + octet] = UInt8(
          truncatingIfNeeded: field >> (8 * octet))
      }
    }
    // Safe: every pointer among the fields is valid for the call, which its caller sees to.
    let result = unsafe clinux_bpf(command, &attributes, UInt32(attributes.count))
    guard result >= 0 else { throw Errno.current }
    return Int32(result)
  }

  private func element(
    _ command: Int32, _ key: [UInt8], _ value: inout [UInt8], _ flags: UInt64 = 0
  ) throws(Errno) {
    let result: Result<Int32, Errno> = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeMutableBytes { value in
        let keyAddress = keyByteCount == 0 ? 0 : UInt64(UInt(bitPattern: key.baseAddress))
        let fields = unsafe [
          UInt64(descriptor), keyAddress,
          value.isEmpty ? 0 : UInt64(UInt(bitPattern: value.baseAddress)), flags,
        ]
        return Result { () throws(Errno) in try KernelMap.call(command, fields) }
      }
    }
    _ = try result.get()
  }

  func value(of key: [UInt8]) throws(Errno) -> [UInt8] {
    var value = [UInt8](repeating: 0, count: valueByteCount)
    try element(1, key, &value)
    return value
  }

  func setValue(_ value: [UInt8], of key: [UInt8], flags: UInt64) throws(Errno) {
    var value = value
    try element(2, key, &value, flags)
  }

  func removeValue(of key: [UInt8]) throws(Errno) {
    // The kernel wants a null pointer where it takes no value.
    var value: [UInt8] = []
    try element(3, key, &value)
  }

  func popValue() throws(Errno) -> [UInt8] {
    var value = [UInt8](repeating: 0, count: valueByteCount)
    try element(21, [0], &value)
    return value
  }

  var keys: [[UInt8]] {
    var keys: [[UInt8]] = []
    while true {
      var next = [UInt8](repeating: 0, count: keyByteCount)
      do throws(Errno) {
        if let last = keys.last {
          try element(4, last, &next)
        } else {
          try firstKey(&next)
        }
      } catch {
        return keys
      }
      keys.append(next)
    }
  }

  private func firstKey(_ key: inout [UInt8]) throws(Errno) {
    let result: Result<Int32, Errno> = unsafe key.withUnsafeMutableBytes { key in
      let fields = [UInt64(descriptor), 0, UInt64(UInt(bitPattern: key.baseAddress)), 0]
      return Result { () throws(Errno) in try KernelMap.call(4, fields) }
    }
    _ = try result.get()
  }
}
