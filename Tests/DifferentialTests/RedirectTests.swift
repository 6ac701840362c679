// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Syscalls
import TestSupport
import Testing
import XDPFrame

/// Redirects, here and in the kernel.
@Suite(.requiresKernelPrograms, .requiresNetworkNamespaces) struct RedirectTests {
  /// Every combination of the flags that exist, and some that do not, at keys with an entry, without, and beyond.
  @Test(arguments: [TO_PORTS.rawValue, TO_CPUS.rawValue])
  func flagsAndMissesAreAnsweredAsInTheKernel(map: UInt32) throws {
    let map = redirect_map(map)
    let kernel = try KernelRedirects()
    let ours = try OurRedirects(portCount: 2)
    // The loopback interface stands for a port: nothing is sent to it here.
    try kernel.setPort(0, to: 1)
    try kernel.setCPU(0)
    try ours.setPort(0, to: 1)
    try ours.setCPU(0)
    let unknown: [UInt64] = [0, 4, 1 << 5, 1 << 12, 1 << 15]
    for flags in (0..<32).flatMap({ low in unknown.map { UInt64(low) | $0 } }) {
      for key: UInt32 in [0, 1, UInt32(REDIRECT_KEYS), .max] {
        let theirs = try kernel.answer(map: map, key: key, flags: flags)
        let answer = try ours.answer(map: map, key: key, flags: flags)
        #expect(answer == theirs, "flags \(flags), key \(key)")
      }
    }
    ours.stop()
  }

  /// Every way of leading four keys to three ports or nowhere, from every port, with and without the exclusion.
  @Test func broadcastsReachThePortsThatTheyReachInTheKernel() throws {
    let wires = try Wires()
    let kernel = try KernelRedirects()
    let ours = try OurRedirects(portCount: 3)
    try wires.hub.run { for port in 0..<3 { try kernel.setMark(port, wires) } }
    var count = 0
    for layout in 0..<256 {
      let places = (0..<4).map { layout >> (2 * $0) & 3 }
      for (key, place) in places.enumerated() {
        let port = place < 3 ? place : nil
        try wires.hub.run { try kernel.setPort(UInt32(key), to: port.map { wires.index($0) }) }
        try ours.setPort(UInt32(key), to: port)
      }
      var mark: UInt8 = 0
      for ingress in 0..<3 {
        for flags: UInt64 in [8, 8 | 16] {
          mark += 1
          let packet = KernelRedirects.packet(mark: mark)
          try wires.hub.run {
            try kernel.redirect(packet, from: wires.index(ingress), map: TO_PORTS, flags: flags)
          }
          try ours.redirect(packet, from: ingress, flags: flags)
        }
      }
      let theirs = try wires.marks(behind: kernel)
      #expect(ours.takeMarks() == theirs, "keys to \(places)")
      count += theirs.reduce(0) { $0 + $1.count }
    }
    // Of 4 keys in 256 layouts 3 in 4 lead to a port, for 6 packets each; 3 of these leave out 1 port in 3.
    #expect(count == 768 * 6 - 768)
    ours.stop()
  }

  /// Interfaces of 1,500 octets take packets of 1,518, for a header and a tag, and no longer ones.
  @Test func packetsThatAreTooLongAreRefusedAsInTheKernel() throws {
    let wires = try Wires()
    let kernel = try KernelRedirects()
    let ours = try OurRedirects(portCount: 3, mtu: 1_500)
    for port in 0..<3 {
      try wires.hub.run {
        try kernel.setMark(port, wires)
        try kernel.setPort(UInt32(port), to: wires.index(port))
      }
      try ours.setPort(UInt32(port), to: port)
    }
    for byteCount in [60, 64, 1_500, 1_514, 1_515, 1_518, 1_519, 1_522, 2_000, 3_408] {
      let packet = KernelRedirects.packet(mark: 1, byteCount: byteCount)
      try wires.hub.run {
        try kernel.redirect(packet, from: wires.index(0), map: TO_PORTS, key: 1)
        try kernel.redirect(packet, from: wires.index(0), map: TO_PORTS, flags: 8)
      }
      try ours.redirect(packet, from: 0, key: 1, flags: 0)
      try ours.redirect(packet, from: 0, flags: 8)
    }
    let theirs = try wires.packets(behind: kernel).map { $0.map(\.count) }
    #expect(ours.takePackets().map { $0.map(\.count) } == theirs)
    #expect(theirs[0] == [60, 64, 1_500, 1_514, 1_515, 1_518])
    ours.stop()
  }

  /// What an entry's program does with every verdict, and what it knows of the packet's way.
  @Test func programsOfEntriesDecideAsInTheKernel() throws {
    let wires = try Wires()
    let kernel = try KernelRedirects()
    let ours = try OurRedirects(portCount: 3)
    for port in 0..<3 {
      try wires.hub.run {
        try kernel.setMark(port, wires)
        try kernel.setPort(UInt32(port), to: wires.index(port), hasProgram: port > 0)
      }
      try ours.setPort(UInt32(port), to: port, hasProgram: port > 0)
    }
    var mark: UInt8 = 0
    for verdict: UInt8 in 0...7 {
      for ingress in 0..<3 {
        for key: UInt32 in 0..<3 {
          mark += 1
          let packet = KernelRedirects.packet(mark: mark, verdict: verdict)
          try wires.hub.run {
            try kernel.redirect(packet, from: wires.index(ingress), map: TO_PORTS, key: key)
          }
          try ours.redirect(packet, from: ingress, key: key, flags: 0)
        }
      }
    }
    let theirs = try wires.packets(behind: kernel).map { packets in
      packets.map { wires.naming($0) }
    }
    #expect(ours.takePackets() == theirs)
    // Without a program everything arrives, with one what has the verdict PASS.
    #expect(theirs.map(\.count) == [24, 3, 3])
    ours.stop()
  }
}

extension KernelRedirects {
  /// A packet that nobody on the way understands, with a mark for the test and a verdict for an entry's program.
  static func packet(mark: UInt8, verdict: UInt8 = 0, byteCount: Int = 64) -> [UInt8] {
    var packet = [UInt8](repeating: 0, count: byteCount)
    packet.replaceSubrange(0..<6, with: repeatElement(0xFF, count: 6))
    packet.replaceSubrange(12..<14, with: [0x88, 0xB5])
    packet[Int(VERDICT_OFFSET)] = verdict
    packet[Int(MARK_OFFSET)] = mark
    return packet
  }

  fileprivate func setMark(_ port: Int, _ wires: Wires) throws {
    try setPort(UInt32(port), of: TO_MARKS, to: wires.index(port))
  }
}
