// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// Packets that Linux 6.18 put on a veth pair without checksum offload, between 192.0.2.1 and
/// 192.0.2.2, 2001:db8::1 and 2001:db8::2.
enum KernelPacket: CaseIterable, CustomTestStringConvertible {
  case arpRequest, arpReply, udp4, udp4Options, udp6, udp6HopByHop, udp6TwoExtensions
  case tcp4, tcp4Reset, tcp6, icmp4, icmp4Unreachable, icmp6, listenerReport, neighborSolicitation

  var testDescription: String { "\(self)" }

  var octets: [UInt8] {
    switch self {
    case .arpRequest:
      hex(
        """
        ffffffffffff020000000001 0806 0001080006040001
        020000000001 c0000201 000000000000 c0000202
        """)
    case .arpReply:
      hex(
        """
        020000000001020000000002 0806 0001080006040002
        020000000002 c0000202 020000000001 c0000201
        """)
    case .udp4:
      hex(
        """
        020000000002020000000001 0800 45000027df1a40004011d7a7 c0000201 c0000202
        14e90035001333be 68656c6c6f2c2077697265
        """)
    case .udp4Options:
      hex(
        """
        020000000002020000000001 0800 47000027df1b40004011c4dd c0000201 c0000202
        070708c000020100 14ea0035000b9350 6f6464
        """)
    case .udp6:
      hex(
        """
        020000000002020000000001 86dd 600a6d5000131140 20010db8000000000000000000000001
        20010db8000000000000000000000002 14e9003500135c4d 68656c6c6f2c2077697265
        """)
    case .udp6HopByHop:
      hex(
        """
        020000000002020000000001 86dd 60029c5800130040 20010db8000000000000000000000001
        20010db8000000000000000000000002 1100010400000000 14ea0035000bb6d4 686f70
        """)
    case .udp6TwoExtensions:
      hex(
        """
        020000000002020000000001 86dd 600165ff001b0040 20010db8000000000000000000000001
        20010db8000000000000000000000002 3c00010400000000 1100010400000000
        14eb0035000bb6cf 647374
        """)
    case .tcp4:
      hex(
        """
        020000000002020000000001 0800 4500003c48ad400040066e0b c0000201 c0000202
        9c40000907073ead00000000a002faf09fde0000 020405b40402080a38fc0e30000000000103030a
        """)
    case .tcp4Reset:
      hex(
        """
        020000000001020000000002 0800 45000028000040004006b6cc c0000202 c0000201
        00099c400000000007073eae5014000049ce0000
        """)
    case .tcp6:
      hex(
        """
        020000000002020000000001 86dd 6002455e00280640 20010db8000000000000000000000001
        20010db8000000000000000000000002
        9c4000094f35d9f200000000a002fd20067b0000 020405a00402080ad2b650d8000000000103030a
        """)
    case .icmp4:
      hex(
        """
        020000000002020000000001 0800 45000024ea3b40004001cc99 c0000201 c0000202
        0800543512340001 6162636465666768
        """)
    case .icmp4Unreachable:
      hex(
        """
        020000000001020000000002 0800 45c00043b4d700004001411f c0000202 c0000201
        0303812500000000 45000027df1a40004011d7a7c0000201c0000202
        14e90035001333be 68656c6c6f2c2077697265
        """)
    case .icmp6:
      hex(
        """
        020000000002020000000001 86dd 6004e82100103a40 20010db8000000000000000000000001
        20010db8000000000000000000000002 8000807512340001 6162636465666768
        """)
    case .listenerReport:
      hex(
        """
        333300000016020000000002 86dd 6000000000240001 fe800000000000000000 00fffe000002
        ff020000000000000000000000000016 3a00050200000100 8f00720500000001
        04000000ff0200000000000000000001ff000002
        """)
    case .neighborSolicitation:
      hex(
        """
        3333ff000002020000000001 86dd 6000000000203aff 20010db8000000000000000000000001
        ff0200000000000000000001ff000002 87001c2700000000
        20010db8000000000000000000000002 0101020000000001
        """)
    }
  }
}

@Suite struct KernelPacketTests {
  @Test(arguments: KernelPacket.allCases)
  func everyChecksumOfTheKernelIsRight(_ packet: KernelPacket) {
    let octets = packet.octets
    let dissection = dissect(octets)
    switch packet {
    case .arpRequest, .arpReply:
      #expect(dissection.stop == .arp)
      #expect(verify(octets) == .unknown)
    default:
      #expect(dissection.stop == .complete)
      #expect(dissection.endOffset == octets.count)
      #expect(verify(octets) == .valid)
    }
    if dissection.network == .ipv4 {
      #expect(checksum(octets[14..<dissection.transportOffset]) == 0)
    }
  }

  @Test(arguments: KernelPacket.allCases)
  func aTurnedBitIsSeen(_ packet: KernelPacket) {
    let octets = packet.octets
    let dissection = dissect(octets)
    guard dissection.stop == .complete else { return }
    for bit in dissection.transportOffset * 8..<octets.count * 8 {
      var damaged = octets
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(verify(damaged) != .valid, "bit \(bit)")
    }
  }

  @Test(arguments: KernelPacket.allCases)
  func completesWhatTheKernelSent(_ packet: KernelPacket) {
    let octets = packet.octets
    let dissection = dissect(octets)
    guard dissection.stop == .complete else { return }
    var cleared = octets
    let offset = [.udp: 6, .tcp: 16][dissection.transport] ?? 2
    cleared[dissection.transportOffset + offset] = 0x55
    cleared[dissection.transportOffset + offset + 1] = 0xaa
    let completed = unsafe cleared.withUnsafeMutableBytes { memory in
      unsafe Checksum.complete(memory.baseAddress!, byteCount: memory.count)
    }
    #expect(completed)
    #expect(cleared == octets)
  }

  /// What a sender with checksum offload leaves, and what the kernel says about it.
  @Test func completesHalfAChecksum() {
    let octets = KernelPacket.tcp4.octets
    var half = octets
    let pseudo = Checksum(
      source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(192, 0, 2, 2), .tcp,
      byteCount: 40)
    half[50] = UInt8(pseudo.partial >> 8)
    half[51] = UInt8(pseudo.partial & 0xff)
    #expect(verify(half) == .invalid)
    let refused = complete(&half, start: 34, offset: octets.count - 34 - 1)
    #expect(!refused)
    #expect(complete(&half, start: 34, offset: 16))
    #expect(half == octets)
  }

  private func complete(_ octets: inout [UInt8], start: Int, offset: Int) -> Bool {
    unsafe octets.withUnsafeMutableBytes { memory in
      unsafe Checksum.complete(
        memory.baseAddress!, byteCount: memory.count, start: start, offset: offset)
    }
  }

  @Test func readsTCPLikeTheKernelWroteIt() throws {
    let octets = KernelPacket.tcp4.octets
    let header = try #require(reading(octets[34...]) { TCP.Header(parsing: $0) })
    #expect(header.sourcePort == 40_000)
    #expect(header.destinationPort == 9)
    #expect(header.sequenceNumber == 0x0707_3ead)
    #expect(header.headerByteCount == 40)
    #expect(header.flags == .syn)
    #expect(header.window == 64_240)
    #expect(header.checksum == 0x9fde)
    let answer = KernelPacket.tcp4Reset.octets
    let reset = try #require(reading(answer[34...]) { TCP.Header(parsing: $0) })
    #expect(reset.flags == [.rst, .ack])
    #expect(reset.acknowledgementNumber == header.sequenceNumber + 1)
    #expect(flowHash(octets) == flowHash(answer))
  }
}
