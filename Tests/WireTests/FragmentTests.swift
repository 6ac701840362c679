// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct FragmentTests {
  static var whole: [Layers] { Layers.every.filter { !$0.isFragment && $0.tags < 3 } }

  /// However a datagram is cut, all of it goes to one place.
  @Test(arguments: whole)
  func allFragmentsHashAlike(_ layers: Layers) {
    var random = SplitMix(seed: 8)
    for payload in [8, 16, 24, 32] {
      let flow = Flow(random: &random)
      let fragments = PacketBuilder.fragments(of: layers.packet(flow), payload: payload)
      let back = PacketBuilder.fragments(of: layers.packet(flow.reversed), payload: payload)
      #expect(fragments.count > 1)
      #expect(Set((fragments + back).map { flowHash($0) }).count == 1)
    }
  }

  @Test(arguments: whole)
  func fragmentsAddUpToTheDatagram(_ layers: Layers) {
    let packet = layers.packet(Flow())
    for payload in [8, 16, 24, 32] {
      let fragments = PacketBuilder.fragments(of: packet, payload: payload)
      var datagram: [UInt8] = []
      for (place, fragment) in fragments.enumerated() {
        let isLast = place == fragments.count - 1
        let (data, offset, hasMore) = body(fragment, layers)
        #expect(offset == datagram.count)
        #expect(hasMore == !isLast)
        #expect(isLast || data.count == payload)
        datagram += data
      }
      #expect(packet.suffix(datagram.count) == datagram[...])
    }
  }

  /// The part of the datagram in a fragment, its offset, and whether more follow.
  private func body(_ fragment: [UInt8], _ layers: Layers) -> ([UInt8], Int, Bool) {
    let network = 14 + 4 * layers.tags
    guard layers.network == .ipv6 else {
      guard let header = reading(fragment[network...], { IPv4.Header(parsing: $0) }) else {
        return ([], -1, false)
      }
      let start = network + header.headerByteCount
      #expect(checksum(fragment[network..<start]) == 0)
      #expect(header.totalByteCount == fragment.count - network)
      return (Array(fragment[start...]), header.fragmentOffset, header.hasMoreFragments)
    }
    // With options, hop-by-hop of 8 and routing of 24 octets stand before the fragment header.
    let start = network + 40 + (layers.hasOptions ? 32 : 0)
    guard let header = reading(fragment[start...], { IPv6.Fragment(parsing: $0) }) else {
      return ([], -1, false)
    }
    let length = reading(fragment[network...]) { IPv6.Header(parsing: $0) }?.payloadByteCount
    #expect(length == fragment.count - network - 40)
    return (Array(fragment[(start + 8)...]), header.offset, header.hasMoreFragments)
  }
}
