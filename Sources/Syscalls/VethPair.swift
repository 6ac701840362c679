// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Two interfaces joined by a cable that exists only in memory; deleted when this value dies.
///
///     namespace A              namespace B
///     ┌──────────┐             ┌──────────┐
///     │   name   ├─────────────┤   peer   │     what one transmits, the other receives
///     └──────────┘             └──────────┘
public struct VethPair: ~Copyable, Sendable {
  /// One end, in its namespace.
  public let first: Interface
  /// The other end, in its namespace.
  public let second: Interface
  /// Where the first end is.
  public let firstNamespace: NetworkNamespace
  /// Where the second end is.
  public let secondNamespace: NetworkNamespace

  /// Creates a pair, each end in its namespace, both up and ready to transmit.
  ///
  /// - Parameters:
  ///   - name: The first end's name, at most 15 octets.
  ///   - namespace: Where the first end is to be; nil for where the calling thread is.
  ///   - peer: The second end's name, at most 15 octets.
  ///   - peerNamespace: Where the second end is to be; nil for where the calling thread is.
  ///   - queueCount: The receive and the transmit queues of each end, 1 or more.
  ///   - mtu: The octets of the largest packet without the Ethernet header; 68...65535.
  /// - Throws: A `SystemCallError`; then nothing of the pair is left.
  public init(
    _ name: String, in namespace: NetworkNamespace? = nil,
    peer: String, in peerNamespace: NetworkNamespace? = nil,
    queueCount: UInt32 = 1, mtu: UInt32 = 1500
  ) throws {
    let here = try NetworkNamespace.current()
    let (there, peerThere) = (namespace ?? here, peerNamespace ?? here)
    try VethPair.create(
      name, in: there, peer: peer, in: peerThere, queueCount: queueCount, mtu: mtu)
    let ends: (Interface, Interface)
    do {
      ends.0 = try there.run { try VethPair.bringUp(name) }
      ends.1 = try peerThere.run { try VethPair.bringUp(peer) }
      // The first came up while its peer was down.
      try there.run { try ends.0.waitUntilTransmitting() }
      try peerThere.run { try ends.1.waitUntilTransmitting() }
    } catch {
      try? there.run { try Interface(named: name).delete() }
      throw error
    }
    (first, second) = ends
    (firstNamespace, secondNamespace) = (there, peerThere)
  }

  deinit {
    // The first end's deletion is the second's. Either may have gone already with its namespace.
    let first = first
    try? firstNamespace.run { try first.delete() }
  }

  private static func bringUp(_ name: String) throws -> Interface {
    let interface = try Interface(named: name)
    try interface.setUp(true)
    return interface
  }

  /// Creates a pair that stays until it is deleted, both ends down.
  ///
  /// Source: `veth_newlink()`, drivers/net/veth.c.
  public static func create(
    _ name: String, in namespace: NetworkNamespace, peer: String,
    in peerNamespace: NetworkNamespace, queueCount: UInt32 = 1, mtu: UInt32 = 1500
  ) throws(SystemCallError) {
    var request = NetlinkRequest(
      "RTM_NEWLINK veth", "\(name)-\(peer)", type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL,
      ifinfomsg())
    request.describe(name, namespace, queueCount, mtu)
    request.nest(IFLA_LINKINFO) {
      $0.attribute(IFLA_INFO_KIND, text: "veth")
      $0.nest(IFLA_INFO_DATA) {
        $0.nest(VETH_INFO_PEER) {
          $0.append(ifinfomsg())
          $0.describe(peer, peerNamespace, queueCount, mtu)
        }
      }
    }
    var netlink = try NetlinkSocket()
    try netlink.perform(request)
  }
}

extension NetlinkRequest {
  fileprivate mutating func describe(
    _ name: String, _ namespace: NetworkNamespace, _ queueCount: UInt32, _ mtu: UInt32
  ) {
    attribute(IFLA_IFNAME, text: name)
    attribute(IFLA_MTU, mtu)
    attribute(IFLA_NUM_TX_QUEUES, queueCount)
    attribute(IFLA_NUM_RX_QUEUES, queueCount)
    attribute(IFLA_NET_NS_FD, namespace.descriptor.raw)
  }
}
