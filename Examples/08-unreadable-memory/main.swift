// SPDX-License-Identifier: Apache-2.0
//
// Memory that the CPU may not read: the packet's headers lie in a page, its payload in a model out of a plugin. First
// `scripts/build-plugin Examples/Plugins/unreadable.c`.
//
//     4150 octets, of which the CPU may read 54
//     octets 0..<54: read
//     octets 50..<58: refused with EFAULT (14)
//     shortened to 2000 octets: yes; grown: no, EFAULT (14)
//     buffers out: page 1, unreadable 1
//     after the packet's end: page 0, unreadable 0

import Arena
import MemModels
import Plugins
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let pages = try PagePool(registry: registry, pageCount: 8)
let plugin = try Plugin(path: ".build/plugins/unreadable.so")
let device = try PluginMemoryModel(plugin, registry: registry, bufferCount: 8)
let queue = try registry.registerQueue(
  port: 1, queue: 0, memory: pages.memory, fragmentByteCount: UInt32(Limits.page))

/// A packet whose headers the CPU may read, and whose payload it may not.
func makePacket() -> Buff? {
  guard let page = pages.allocate(), let payload = device.allocate() else { return nil }
  var packet = Buff(owning: page.take(), queue: queue, headroom: pages.headroom, byteCount: 54)
  if let refused = packet.addFragment(payload, offset: 0, byteCount: 4_096) { refused.recycle() }
  return packet
}

/// What became of an attempt at the packet.
func outcome(
  of packet: inout Buff, _ success: String, _ attempt: (inout Buff) throws(PacketError) -> Void
) -> String {
  do throws(PacketError) {
    try attempt(&packet)
    return success
  } catch {
    return "\(error == .unreachable ? "EFAULT" : "\(error)") (\(error.errno))"
  }
}

func read(_ range: Range<Int>, of packet: inout Buff) -> String {
  outcome(of: &packet, "read") { packet throws(PacketError) in
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 1)
    defer { unsafe room.deallocate() }
    try unsafe packet.load(from: range.lowerBound, into: room)
  }
}

func show(_ made: consuming Buff) {
  var packet = made
  print("\(packet.byteCount) octets, of which the CPU may read \(packet.linearByteCount)")
  print("octets 0..<54: \(read(0..<54, of: &packet))")
  print("octets 50..<58: refused with \(read(50..<58, of: &packet))")
  let shrunk = outcome(of: &packet, "yes") { packet throws(PacketError) in
    try packet.adjustTail(by: 2_000 - packet.byteCount)
  }
  let grown = outcome(of: &packet, "yes") { packet throws(PacketError) in
    try packet.adjustTail(by: 8)
  }
  print("shortened to \(packet.byteCount) octets: \(shrunk); grown: no, \(grown)")
  print("buffers out: page \(pages.outstanding), unreadable \(device.outstanding)")
  packet.recycle(.programDrop)
  print("after the packet's end: page \(pages.outstanding), unreadable \(device.outstanding)")
}

if let packet = makePacket() { show(packet) }
device.destroy()
