// SPDX-License-Identifier: Apache-2.0
//
// A packet of 9000 octets in three pages, drawn from the live frame.
//
//     9000 octets in 3 buffers of model pool 1
//
//     page 1  ├ headroom 256 ┼ linear 3520 ┼ shared info 320 ┤
//     page 2  ├ offset 0 ┼ fragment 4096 ┤
//     page 3  ├ offset 0 ┼ fragment 1384 ┤
//
//     octets 3519...3522 lie in two pages: 191 192 193 194
//     18th fragment refused: true
//     pages still out: 0

import Arena
import MemModels
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 32)
let queue = try registry.registerQueue(port: 1, queue: 0, memory: pool.memory)

/// A packet whose octets count upwards, over as many pages as it takes.
func makePacket(byteCount: Int) -> Buff? {
  guard let page = pool.allocate() else { return nil }
  let linear = min(byteCount, pool.linearByteCount)
  var packet = Buff(
    owning: page.take(), queue: queue, headroom: pool.headroom, byteCount: linear)
  var made = linear
  while made < byteCount, let page = pool.allocate() {
    let piece = min(byteCount - made, Limits.page)
    for position in 0..<piece {
      unsafe page.descriptor.hardStart.storeBytes(
        of: UInt8(truncatingIfNeeded: made + position), toByteOffset: position, as: UInt8.self)
    }
    if let refused = packet.addFragment(page, offset: 0, byteCount: piece) { refused.recycle() }
    made += piece
  }
  packet.withMutableBytes { octets in
    for position in 0..<linear {
      octets.storeBytes(
        of: UInt8(truncatingIfNeeded: position), toByteOffset: position, as: UInt8.self)
    }
  }
  return packet
}

guard var packet = makePacket(byteCount: 9_000) else { fatalError("The pool is new and empty.") }
let model = pool.memory
print(
  "\(packet.byteCount) octets in \(1 + packet.fragmentCount) buffers of model pool \(model.id)\n")
print(
  "page 1  ├ headroom \(packet.headroom) ┼ linear \(packet.linearByteCount)"
    + " ┼ shared info \(Limits.sharedInfo) ┤")
for position in 0..<packet.fragmentCount {
  guard let part = packet.fragment(at: position) else { continue }
  print("page \(position + 2)  ├ offset \(part.offset) ┼ fragment \(part.byteCount) ┤")
}

var border = [UInt8](repeating: 0, count: 4)
_ = unsafe border.withUnsafeMutableBytes { unsafe packet.copyBytes(from: 3_519, to: $0) }
let text = border.map { "\($0)" }.joined(separator: " ")
print("\noctets 3519...3522 lie in two pages: \(text)")

while packet.fragmentCount < Limits.fragments, let page = pool.allocate() {
  if let refused = packet.addFragment(page, offset: 0, byteCount: 1) { refused.recycle() }
}
var isRefused = false
if let page = pool.allocate(), let refused = packet.addFragment(page, offset: 0, byteCount: 1) {
  isRefused = true
  refused.recycle()
}
print("18th fragment refused: \(isRefused)")
packet.recycle(.programDrop)
print("pages still out: \(pool.outstanding)")
