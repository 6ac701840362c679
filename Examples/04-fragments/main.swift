// SPDX-License-Identifier: Apache-2.0
//
// A packet of 9000 octets in three pages, drawn from the live frame.
//
//     9000 octets in 3 buffers of page pool 1
//
//     page 1  ├ headroom ┼ linear part: octets 0...3519 ┼ shared info: 2 fragments, 5480 octets ┤
//             0          256                            3776                                    4096
//     page 2  ├ fragment 0: octets 3520...7615 ┤
//             0                                4096
//     page 3  ├ fragment 1: octets 7616...8999 ┼ unused ┤
//             0                                1384     4096
//
//     octets 3519...3522 lie in two pages: 191 192 193 194
//     18th fragment refused: true
//     pages still out: 0

import Arena
import MemModels
import XDPFrame

/// Draws a page: what lies in it, and where each part ends.
func draw(page number: Int, _ parts: [(what: String, end: Int)]) {
  var line = "page \(number)  ├"
  var offsets = "        0"
  for part in parts {
    line += " \(part.what) ┼"
    offsets += String(repeating: " ", count: line.count - 1 - offsets.count) + "\(part.end)"
  }
  print(line.dropLast() + "┤\n" + offsets)
}

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 32)
let octets = (0..<9_000).map { UInt8(truncatingIfNeeded: $0) }
guard var packet = Buff(byteCount: octets.count, from: pool) else { fatalError("No page is left.") }
_ = unsafe octets.withUnsafeBytes { unsafe packet.storeBytes($0, at: 0) }
let id = packet.descriptor.memory.id
print("\(packet.byteCount) octets in \(1 + packet.fragmentCount) buffers of page pool \(id)\n")

let info = packet.sharedInfo
draw(
  page: 1,
  [
    ("headroom", packet.headroom),
    (
      "linear part: octets 0...\(packet.linearByteCount - 1)",
      unsafe packet.dataEnd - packet.hardStart
    ),
    (
      "shared info: \(info.fragmentCount) fragments, \(info.fragmentsByteCount) octets",
      Int(packet.frameByteCount)
    ),
  ])
var first = packet.linearByteCount
for position in 0..<packet.fragmentCount {
  guard let part = packet.fragment(at: position) else { continue }
  let (count, end) = (Int(part.byteCount), Int(part.offset + part.byteCount))
  let rest = end < Limits.page ? [("unused", Limits.page)] : []
  draw(
    page: position + 2,
    [("fragment \(position): octets \(first)...\(first + count - 1)", end)] + rest)
  first += count
}

var border = [UInt8](repeating: 0, count: 4)
_ = unsafe border.withUnsafeMutableBytes { unsafe packet.copyBytes(from: 3_519, to: $0) }
let text = border.map { "\($0)" }.joined(separator: " ")
print("\noctets 3519...3522 lie in two pages: \(text)")

while packet.fragmentCount < Limits.fragments { _ = packet.addFragments(byteCount: 1, from: pool) }
print("18th fragment refused: \(!packet.addFragments(byteCount: 1, from: pool))")
packet.recycle(.programDrop)
print("pages still out: \(pool.outstanding)")
