// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// One flow, over either network.
struct Flow {
  var source4 = host4a
  var destination4 = host4b
  var source6 = host6a
  var destination6 = host6b
  var sourcePort: UInt16 = 40_001
  var destinationPort: UInt16 = 443

  init() {}

  init(random: inout SplitMix) {
    source4 = IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next()))
    destination4 = IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next()))
    source6 = IPv6Address(high: random.next(), low: random.next())
    destination6 = IPv6Address(high: random.next(), low: random.next())
    sourcePort = UInt16(truncatingIfNeeded: random.next())
    destinationPort = UInt16(truncatingIfNeeded: random.next())
  }

  var reversed: Flow {
    var flow = self
    swap(&flow.source4, &flow.destination4)
    swap(&flow.source6, &flow.destination6)
    swap(&flow.sourcePort, &flow.destinationPort)
    return flow
  }
}

/// Which headers a packet has; `every` is every combination of them.
struct Layers: CustomTestStringConvertible {
  enum Network: CaseIterable { case ipv4, ipv6 }
  enum Transport: CaseIterable { case udp, tcp, icmp }

  var tags = 0
  var network: Network
  var transport: Transport
  var hasOptions = false
  var isFragment = false

  static var every: [Layers] {
    var all: [Layers] = []
    for tags in 0...VLAN.maximumDepth {
      for network in Network.allCases {
        for transport in Transport.allCases {
          for choice in 0..<4 {
            all.append(
              Layers(
                tags: tags, network: network, transport: transport,
                hasOptions: choice & 1 != 0, isFragment: choice & 2 != 0))
          }
        }
      }
    }
    return all
  }

  var testDescription: String {
    let options = hasOptions ? " options" : ""
    return "\(tags) tags, \(network) \(transport)\(options)\(isFragment ? " fragment" : "")"
  }

  /// The tag at a depth: the outermost of several is the provider's.
  func tag(_ depth: Int) -> VLAN.Tag {
    let isService = depth == 0 && tags > 1
    return VLAN.Tag(
      UInt16(100 + depth), priority: UInt8(depth % 8), isDropEligible: depth % 2 == 1,
      type: isService ? .serviceVLAN : .vlan)
  }

  var payloadByteCount: Int { 32 }

  func packet(_ flow: Flow) -> [UInt8] {
    PacketBuilder.octets { builder in
      builder.ethernet()
      for depth in 0..<tags { builder.vlan(tag(depth)) }
      switch network {
      case .ipv4: ipv4(flow, &builder)
      case .ipv6: ipv6(flow, &builder)
      }
      transport(flow, &builder)
      builder.payload(byteCount: payloadByteCount)
    }
  }

  private func ipv4(_ flow: Flow, _ builder: inout PacketBuilder) {
    var header = IPv4.Header(source: flow.source4, destination: flow.destination4)
    header.headerByteCount = hasOptions ? 36 : 20
    header.hasMoreFragments = isFragment
    header.identification = 0x1234
    builder.ipv4(header)
  }

  private func ipv6(_ flow: Flow, _ builder: inout PacketBuilder) {
    builder.ipv6(source: flow.source6, destination: flow.destination6)
    if hasOptions {
      builder.ipv6Extension(.hopByHop, byteCount: 8)
      builder.ipv6Extension(.routing, byteCount: 24)
    }
    if isFragment {
      builder.ipv6Fragment(
        IPv6.Fragment(
          nextHeader: .noNextHeader, offset: 0, hasMoreFragments: true, identification: 0x1234))
    }
    if hasOptions {
      builder.ipv6Extension(.ah, byteCount: 24)
      builder.ipv6Extension(.destinationOptions, byteCount: 264)
    }
  }

  private func transport(_ flow: Flow, _ builder: inout PacketBuilder) {
    switch transport {
    case .udp: builder.udp(source: flow.sourcePort, destination: flow.destinationPort)
    case .tcp:
      var header = TCP.Header(
        sourcePort: flow.sourcePort, destinationPort: flow.destinationPort, flags: [.psh, .ack])
      header.headerByteCount = hasOptions ? 32 : 20
      header.sequenceNumber = 0x0102_0304
      header.acknowledgementNumber = 0x0506_0708
      builder.tcp(header)
    case .icmp where network == .ipv4:
      builder.icmp(ICMP.Header(.echoRequest, identifier: 7, sequenceNumber: 9))
    case .icmp:
      builder.icmpv6(ICMPv6.Header(.echoRequest, identifier: 7, sequenceNumber: 9))
    }
  }
}

extension Layers {
  var transportByteCount: Int {
    switch transport {
    case .udp, .icmp: 8
    case .tcp: hasOptions ? 32 : 20
    }
  }
}
