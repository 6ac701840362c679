// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Syscalls
import Testing

/// Three interfaces side by side in one namespace, and what comes out of the other ends of their cables.
///
///     hub   p0 ═══ o0   outside        what the kernel redirects to p0 arrives at o0
///           p1 ═══ o1
///           p2 ═══ o2
final class Wires {
  let hub: NetworkNamespace
  private let cables: Cables
  private let sockets: Sockets

  /// The ends of cables, which are deleted with this object.
  private final class Cables {
    var first: VethPair
    var second: VethPair
    var third: VethPair

    init(_ hub: NetworkNamespace, _ outside: NetworkNamespace) throws {
      first = try VethPair("p0", in: hub, peer: "o0", in: outside)
      second = try VethPair("p1", in: hub, peer: "o1", in: outside)
      third = try VethPair("p2", in: hub, peer: "o2", in: outside)
    }

    var insides: [Interface] { [first.first, second.first, third.first] }
    var outsides: [Interface] { [first.second, second.second, third.second] }
  }

  /// A socket at each outer end.
  private final class Sockets {
    var first: PacketSocket
    var second: PacketSocket
    var third: PacketSocket

    init(_ ends: [Interface]) throws {
      first = try PacketSocket(ends[0], receives: true)
      second = try PacketSocket(ends[1], receives: true)
      third = try PacketSocket(ends[2], receives: true)
    }

    func receive(_ number: Int, into room: UnsafeMutableRawBufferPointer) throws -> Int? {
      switch number {
      case 0: try unsafe first.receive(into: room)
      case 1: try unsafe second.receive(into: room)
      default: try unsafe third.receive(into: room)
      }
    }
  }

  /// Lays three cables.
  init() throws {
    hub = try NetworkNamespace.anonymous()
    let outside = try NetworkNamespace.anonymous()
    for namespace in [hub, outside] { try namespace.disableIPv6() }
    let cables = try Cables(hub, outside)
    sockets = try outside.run {
      // Frames are redirected into a cable only if its other end polls, which this makes it do.
      for end in cables.outsides { try end.setOffload(.genericReceive, true) }
      return try Sockets(cables.outsides)
    }
    self.cables = cables
  }

  /// The index of an inner end.
  func index(_ number: Int) -> UInt32 { cables.insides[number].index }

  /// What came out of each cable since the last call, in order.
  ///
  /// A last packet is sent through each, behind which nothing is on its way any more.
  func packets(behind kernel: KernelRedirects) throws -> [[[UInt8]]] {
    let last = KernelRedirects.packet(mark: 0xFF)
    return try (0..<3).map { number in
      try hub.run {
        try kernel.redirect(last, from: index(number), map: TO_MARKS, key: UInt32(number))
      }
      var packets: [[UInt8]] = []
      while true {
        guard let packet = try receive(number) else { continue }
        guard packet[12] == 0x88, packet[13] == 0xB5 else { continue }
        if packet[Int(MARK_OFFSET)] == 0xFF { return packets }
        packets.append(packet)
      }
    }
  }

  /// The marks of these packets.
  func marks(behind kernel: KernelRedirects) throws -> [[UInt8]] {
    try packets(behind: kernel).map { $0.map { $0[Int(MARK_OFFSET)] } }
  }

  private func receive(_ number: Int) throws -> [UInt8]? {
    var room = [UInt8](repeating: 0, count: 4_096)
    let count = try unsafe room.withUnsafeMutableBytes {
      try unsafe sockets.receive(number, into: $0)
    }
    return count.map { Array(room[..<$0]) }
  }

  /// A packet with the numbers of ports in place of the indices of interfaces.
  func naming(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    for offset in [Int(INGRESS_OFFSET), Int(EGRESS_OFFSET)] {
      let number = (0..<3).first { packet[offset..<offset + 4].elementsEqual(octets(index($0))) }
      guard let number else { continue }
      packet.replaceSubrange(offset..<offset + 4, with: octets(UInt32(number) + 1))
    }
    return packet
  }
}

/// The octets of a number as both machines store it.
func octets(_ number: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}
