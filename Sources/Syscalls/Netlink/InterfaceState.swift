// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What the kernel says about an interface, in one answer.
public struct InterfaceState: Hashable, Sendable {
  /// The interface's number.
  public var index: UInt32
  /// Its name.
  public var name = ""
  /// What it can and does do.
  public var flags: InterfaceFlags
  /// The octets of its largest packet without the Ethernet header.
  public var mtu: UInt32 = 0
  /// The least that its driver takes for the MTU; 0 where it does not say.
  public var minimumMTU: UInt32 = 0
  /// The most that its driver takes for the MTU; 0 where it does not say.
  public var maximumMTU: UInt32 = 0
  /// Its address, nil if it has none of six octets.
  public var hardwareAddress: HardwareAddress?
  /// The transmit queues that it was created with.
  public var transmitQueueCount: UInt32 = 0
  /// The receive queues that it was created with.
  public var receiveQueueCount: UInt32 = 0
  /// The kind of a software interface, as `veth` or `tun`; empty for hardware.
  public var kind = ""
  /// How it queues what is to be transmitted, as `noqueue` or `mq`; with `noop` it drops all of it.
  public var queueingDiscipline = ""
  /// The interface that it stands on or is joined to, by its number there; 0 for none.
  public var linkIndex: UInt32 = 0
  /// How an XDP program is attached: 0 none, 1 driver, 2 generic, 3 hardware, 4 several (`XDP_ATTACHED_`).
  public var xdpAttachment: UInt8 = 0
  /// The number of the attached XDP program; 0 for none.
  public var xdpProgramID: UInt32 = 0
  /// Packets that it could not transmit for want of room, since it was created.
  public var transmitDropped: UInt64 = 0
  /// The number that it has in the namespace that it moved to; 0 if it did not move.
  public var indexAfterMove: UInt32 = 0

  /// Whether an administrator wants it up.
  public var isUp: Bool { flags.contains(.up) }
  /// Whether it is up and has what it needs to carry frames; see also `transmits`.
  public var isRunning: Bool { flags.contains(.running) }
  /// Whether frames that are handed to it leave.
  ///
  /// An interface that came up before its carrier did drops them
  /// silently, for a moment longer: the kernel gives it a queueing discipline in its own time.
  public var transmits: Bool { isRunning && queueingDiscipline != "noop" }

  /// Reads the payload of an `RTM_NEWLINK` or `RTM_DELLINK` message.
  ///
  /// - Returns: nil if the payload is shorter than its header.
  init?(_ payload: Range<Int>, in bytes: borrowing RawSpan) {
    let header = MemoryLayout<ifinfomsg>.size
    guard payload.count >= header,
      let index = bytes.load(UInt32.self, at: payload.lowerBound + 4),
      let flags = bytes.load(UInt32.self, at: payload.lowerBound + 8)
    else { return nil }
    self.index = index
    self.flags = InterfaceFlags(rawValue: flags)
    var cursor = NetlinkCursor(payload.lowerBound + header..<payload.upperBound)
    while let attribute = cursor.nextAttribute(in: bytes) { read(attribute, in: bytes) }
  }

  private mutating func read(_ attribute: NetlinkAttribute, in bytes: borrowing RawSpan) {
    let payload = attribute.payload
    let number =
      payload.count >= 4 ? bytes.load(UInt32.self, at: payload.lowerBound) ?? 0 : 0
    switch attribute.kind {
    case IFLA_IFNAME: name = bytes.text(payload)
    case IFLA_QDISC: queueingDiscipline = bytes.text(payload)
    case IFLA_MTU: mtu = number
    case IFLA_MIN_MTU: minimumMTU = number
    case IFLA_MAX_MTU: maximumMTU = number
    case IFLA_ADDRESS: hardwareAddress = HardwareAddress(octets: bytes.octets(payload))
    case IFLA_NUM_TX_QUEUES: transmitQueueCount = number
    case IFLA_NUM_RX_QUEUES: receiveQueueCount = number
    case IFLA_LINK: linkIndex = number
    case IFLA_STATS64:
      // `tx_dropped` is the eighth counter of `struct rtnl_link_stats64`.
      transmitDropped = bytes.load(UInt64.self, at: payload.lowerBound + 7 * 8) ?? 0
    case IFLA_NEW_IFINDEX: indexAfterMove = number
    case IFLA_LINKINFO, IFLA_XDP: readNest(attribute, in: bytes)
    default: break
    }
  }

  private mutating func readNest(_ nest: NetlinkAttribute, in bytes: borrowing RawSpan) {
    var cursor = NetlinkCursor(nest.payload)
    while let attribute = cursor.nextAttribute(in: bytes) {
      let start = attribute.payload.lowerBound
      switch (nest.kind, attribute.kind) {
      case (IFLA_LINKINFO, IFLA_INFO_KIND): kind = bytes.text(attribute.payload)
      case (IFLA_XDP, IFLA_XDP_ATTACHED): xdpAttachment = bytes.load(UInt8.self, at: start) ?? 0
      case (IFLA_XDP, IFLA_XDP_PROG_ID): xdpProgramID = bytes.load(UInt32.self, at: start) ?? 0
      default: break
      }
    }
  }
}
