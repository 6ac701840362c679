// SPDX-License-Identifier: Apache-2.0

import CLinux

/// One queue of a TAP interface: what the kernel transmits by the interface is read here, and what is written here the
/// kernel receives by it.
///
/// The interface disappears with its last queue, unless it was made to stay.
public struct TAPDevice: ~Copyable, Sendable {
  /// The open queue; each read and each write is one packet.
  public let descriptor: FileDescriptor

  /// How a queue is attached.
  public struct Flags: OptionSet, Hashable, Sendable {
    /// The bits of C's `IFF_` constants.
    public let rawValue: UInt16
    /// Takes the bits of C's `IFF_` constants.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `IFF_MULTI_QUEUE`: the interface may have several queues, and all of them attach with it or none.
    public static let multiQueue = Flags(rawValue: 0x0100)
    /// `IFF_VNET_HDR`: each packet comes behind a `struct virtio_net_hdr` of 10 octets.
    public static let virtualHeader = Flags(rawValue: 0x4000)
  }

  /// What of a packet the kernel may leave to the reader.
  public struct Offloads: OptionSet, Hashable, Sendable {
    /// The bits of C's `TUN_F_` constants.
    public let rawValue: UInt32
    /// Takes the bits of C's `TUN_F_` constants.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `TUN_F_CSUM`: to finish checksums, which the others need.
    public static let checksum = Offloads(rawValue: UInt32(TUN_F_CSUM))
    /// `TUN_F_TSO4`, `TUN_F_TSO6` and `TUN_F_TSO_ECN`: to cut TCP into segments.
    public static let tcpSegmentation = Offloads(
      rawValue: UInt32(TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN))
    /// `TUN_F_USO4` and `TUN_F_USO6`: to cut UDP into datagrams (Linux 6.2).
    public static let udpSegmentation = Offloads(
      rawValue: UInt32(CLINUX_TUN_F_USO4 | CLINUX_TUN_F_USO6))
  }

  /// Attaches a queue to the interface of that name in the calling thread's namespace, and creates it if there is none.
  ///
  /// The corresponding C call is `ioctl(TUNSETIFF)` with `IFF_TAP` and `IFF_NO_PI`.
  ///
  /// - Parameters:
  ///   - name: The interface's name, at most 15 octets.
  ///   - flags: How the queue is attached.
  /// - Throws: `Errno.notPermitted` without `CAP_NET_ADMIN`, unless the interface belongs to the caller;
  ///   `.invalidArgument` where the interface exists and is of another kind, or was made with another ``Flags/multiQueue``;
  ///   `.resourceBusy` where its only queue is taken; `.argumentListTooLong` where all of them are.
  public init(attachingTo name: String, _ flags: Flags) throws(SystemCallError) {
    descriptor = try TAPDevice.attach(to: name, flags)
  }

  private static func attach(
    to name: String, _ flags: Flags
  ) throws(SystemCallError) -> FileDescriptor {
    let queue = try FileDescriptor(opening: "/dev/net/tun", O_RDWR | O_NONBLOCK)
    var request = unsafe ifreq()
    // Safe: the copy leaves at least one of the name's zeros.
    unsafe withUnsafeMutableBytes(of: &request.ifr_ifrn.ifrn_name) {
      unsafe $0.copyBytes(from: name.utf8.prefix(Interface.longestNameByteCount))
    }
    unsafe request.ifr_ifru.ifru_flags = Int16(
      bitPattern: UInt16(IFF_TAP | IFF_NO_PI) | flags.rawValue)
    do throws(SystemCallError) {
      try unsafe queue.control("TUNSETIFF", UInt(CLINUX_TUNSETIFF), &request)
    } catch {
      throw SystemCallError(error.call, name, errno: error.errno)
    }
    return queue
  }

  /// Whether the interface is still there, under whatever name and in whatever namespace.
  ///
  /// The corresponding C call is `ioctl(TUNGETIFF)`.
  public var isAttached: Bool {
    let raw = descriptor.raw
    var request = unsafe ifreq()
    // Safe: the structure outlives the call, which is defined for it.
    return unsafe clinux_ioctl(raw, UInt(CLINUX_TUNGETIFF), &request) == 0
  }

  /// Says what the kernel may leave to the reader; the same for all queues of the interface.
  ///
  /// - Throws: `Errno.invalidArgument` for what the kernel does not know, and without ``Flags/virtualHeader``.
  public borrowing func setOffloads(_ offloads: Offloads) throws(SystemCallError) {
    let raw = descriptor.raw
    try kernel("ioctl TUNSETOFFLOAD") {
      // Safe: the argument is a number, which the kernel does not follow.
      unsafe clinux_ioctl(
        raw, UInt(CLINUX_TUNSETOFFLOAD),
        UnsafeMutableRawPointer(bitPattern: UInt(offloads.rawValue)))
    }
  }

  /// Says whether the interface stays when its last queue is closed.
  public borrowing func setPersistent(_ persistent: Bool) throws(SystemCallError) {
    let raw = descriptor.raw
    try kernel("ioctl TUNSETPERSIST") {
      // Safe: the argument is a number, which the kernel does not follow.
      unsafe clinux_ioctl(
        raw, UInt(CLINUX_TUNSETPERSIST), UnsafeMutableRawPointer(bitPattern: persistent ? 1 : 0))
    }
  }

  /// Says whether the interface has a carrier: without one the kernel transmits nothing by it.
  public borrowing func setCarrier(_ hasCarrier: Bool) throws(SystemCallError) {
    var value: Int32 = hasCarrier ? 1 : 0
    try descriptor.control("TUNSETCARRIER", UInt(CLINUX_TUNSETCARRIER), &value)
  }
}
