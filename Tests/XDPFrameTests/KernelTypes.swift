// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The running kernel's own description of its types, `/sys/kernel/btf/vmlinux`.
///
/// Source: `include/uapi/linux/btf.h`.
struct KernelTypes {
  private let octets: [UInt8]
  private let strings: Int
  /// Where each type's record lies, by number from 1.
  private var records: [Int] = [0]

  static let path = "/sys/kernel/btf/vmlinux"
  static let isAvailable = unsafe access(path, R_OK) == 0

  init?() {
    guard let octets = KernelTypes.read(KernelTypes.path), octets.count > 24 else { return nil }
    self.octets = octets
    guard octets[0] == 0x9F, octets[1] == 0xEB else { return nil }
    let header = KernelTypes.word(octets, 4)
    let types = header + KernelTypes.word(octets, 8)
    strings = header + KernelTypes.word(octets, 16)
    var position = types
    while position < types + KernelTypes.word(octets, 12) {
      records.append(position)
      position += 12 + KernelTypes.tailByteCount(octets, position)
    }
  }

  private static func read(_ path: String) -> [UInt8]? {
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var octets: [UInt8] = []
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
    defer { unsafe room.deallocate() }
    while true {
      let count = unsafe Glibc.read(file, room.baseAddress, room.count)
      guard count > 0 else { return octets }
      unsafe octets += room[..<count]
    }
  }

  private static func word(_ octets: [UInt8], _ offset: Int) -> Int {
    Int(octets[offset]) | Int(octets[offset + 1]) << 8 | Int(octets[offset + 2]) << 16
      | Int(octets[offset + 3]) << 24
  }

  private static func kind(_ octets: [UInt8], _ record: Int) -> Int {
    word(octets, record + 4) >> 24 & 31
  }

  private static func count(_ octets: [UInt8], _ record: Int) -> Int {
    word(octets, record + 4) & 0xFFFF
  }

  private static func tailByteCount(_ octets: [UInt8], _ record: Int) -> Int {
    switch kind(octets, record) {
    case 1, 14, 17: 4
    case 3: 12
    case 4, 5, 15, 19: 12 * count(octets, record)
    case 6, 13: 8 * count(octets, record)
    default: 0
    }
  }

  private func name(_ offset: Int) -> String {
    let start = strings + KernelTypes.word(octets, offset)
    guard let end = octets[start...].firstIndex(of: 0) else { return "" }
    return String(decoding: octets[start..<end], as: UTF8.self)
  }

  private func record(_ wanted: String, kinds: Set<Int>) -> Int? {
    records.dropFirst().first {
      kinds.contains(KernelTypes.kind(octets, $0)) && name($0) == wanted
        && KernelTypes.count(octets, $0) > 0
    }
  }

  /// The octets of a structure, and where its members lie, those of unnamed unions included.
  func structure(_ wanted: String) -> (byteCount: Int, offsets: [String: Int])? {
    guard let record = record(wanted, kinds: [4]) else { return nil }
    var offsets: [String: Int] = [:]
    collect(record, base: 0, into: &offsets)
    return (KernelTypes.word(octets, record + 8), offsets)
  }

  private func collect(_ record: Int, base: Int, into offsets: inout [String: Int]) {
    let hasBitFields = KernelTypes.word(octets, record + 4) >> 31 & 1 == 1
    for position in 0..<KernelTypes.count(octets, record) {
      let member = record + 12 + 12 * position
      let raw = KernelTypes.word(octets, member + 8)
      let offset = base + (hasBitFields ? raw & 0xFF_FFFF : raw) / 8
      let name = name(member)
      if name.isEmpty {
        let type = records[KernelTypes.word(octets, member + 4)]
        if [4, 5].contains(KernelTypes.kind(octets, type)) {
          collect(type, base: offset, into: &offsets)
        }
      } else {
        offsets[name] = offset
      }
    }
  }

  /// The value of an enumerator, whichever enumeration it is in.
  func value(_ enumerator: String) -> Int? {
    for record in records.dropFirst() where KernelTypes.kind(octets, record) == 6 {
      for position in 0..<KernelTypes.count(octets, record) {
        let entry = record + 12 + 8 * position
        if name(entry) == enumerator { return KernelTypes.word(octets, entry + 4) }
      }
    }
    return nil
  }
}
