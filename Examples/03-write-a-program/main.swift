// SPDX-License-Identifier: Apache-2.0
//
// Your own program in a dozen lines: no closure, no allocation, one method.
//
//     dropped 25 echo packets
//     sent back 75 others

import Arena
import Datapath
import MemModels
import Ports
import XDPFrame

/// Drops UDP to port 7, sends everything else back.
final class NoEcho: PacketProgram, Sendable {
  func run(_ packet: inout Buff) -> Verdict {
    packet.withBytes { octets in
      guard octets.byteCount >= 42 else { return .aborted }
      let isIPv4 = unsafe octets.unsafeLoad(fromByteOffset: 14, as: UInt8.self) == 0x45
      let isUDP = unsafe octets.unsafeLoad(fromByteOffset: 23, as: UInt8.self) == 17
      let port = unsafe octets.unsafeLoadUnaligned(fromByteOffset: 36, as: UInt16.self)
      return isIPv4 && isUDP && UInt16(bigEndian: port) == 7 ? .drop : .transmit
    }
  }
}

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 256)
let wire = try MemoryPort(name: "wire", registry: registry)
let datapath = Datapath(registry: registry)
datapath.add(wire)
let books = try datapath.addLoop(port: wire, queue: 0, program: NoEcho(), named: "no-echo")

for number in 0..<100 {
  var packet = [UInt8](repeating: 0, count: 60)
  packet[14] = 0x45
  packet[23] = 17
  packet[37] = number % 4 == 0 ? 7 : 9
  guard let frame = Frame(octets: packet, from: pool) else { break }
  if let full = wire.put(frame) { full.recycle(.ringFull) }
}
try datapath.start()
while books.tally[.received] < 100 {}
datapath.stop()

print("dropped \(books.tally[DropReason.programDrop]) echo packets")
print("sent back \(wire.sentCount) others")
wire.close()
