// SPDX-License-Identifier: Apache-2.0

import CLinux

extension Interface {
  /// What the kernel says about the interface now.
  ///
  /// Source: `rtnl_getlink()`, net/core/rtnetlink.c.
  ///
  /// - Throws: `Errno.noSuchDevice` if it is gone.
  public func state() throws(SystemCallError) -> InterfaceState {
    var found: InterfaceState?
    var netlink = try NetlinkSocket()
    try netlink.query(request("RTM_GETLINK", RTM_GETLINK)) { bytes, message in
      found = found ?? InterfaceState(message.payload, in: bytes)
    }
    guard let found else { throw SystemCallError("RTM_GETLINK", name, errno: .noSuchDevice) }
    return found
  }

  /// All interfaces of the calling thread's namespace.
  public static func all() throws(SystemCallError) -> [InterfaceState] {
    try NetlinkSocket.list("RTM_GETLINK", RTM_GETLINK, ifinfomsg()) {
      InterfaceState($0, in: $1)
    }
  }

  /// Brings the interface up or down.
  public func setUp(_ up: Bool) throws(SystemCallError) {
    var header = ifinfomsg()
    header.ifi_index = Int32(bitPattern: index)
    header.ifi_flags = up ? InterfaceFlags.up.rawValue : 0
    header.ifi_change = InterfaceFlags.up.rawValue
    try perform(
      NetlinkRequest("RTM_NEWLINK \(up ? "up" : "down")", name, type: RTM_NEWLINK, header))
  }

  /// Waits until frames that are handed to the interface leave, as they do not directly after it came up.
  ///
  /// Source: `linkwatch_do_dev()`, net/core/link_watch.c, which runs afterwards; newer kernels run it when asked for
  /// the state (`linkwatch_sync_dev()`), so there the first look is the last.
  ///
  /// - Parameter timeout: The longest to wait.
  /// - Throws: `Errno.timedOut` if it still has no carrier then.
  public func waitUntilTransmitting(timeout: Duration = .seconds(10)) throws(SystemCallError) {
    let end = MonotonicClock.now + UInt64(timeout.nanoseconds)
    while try !state().transmits {
      if MonotonicClock.now > end {
        throw SystemCallError("RTM_GETLINK IFLA_QDISC", name, errno: .timedOut)
      }
      Thread.sleep(for: .milliseconds(1))
    }
  }

  /// Sets the octets of the largest packet without the Ethernet header.
  ///
  /// - Throws: `Errno.invalidArgument` where the driver does not take it, as with an XDP program that is attached.
  public func setMTU(_ mtu: UInt32) throws(SystemCallError) {
    var request = request("RTM_NEWLINK IFLA_MTU", RTM_NEWLINK)
    request.attribute(IFLA_MTU, mtu)
    try perform(request)
  }

  /// Sets the interface's address.
  public func setHardwareAddress(_ address: HardwareAddress) throws(SystemCallError) {
    var request = request("RTM_NEWLINK IFLA_ADDRESS", RTM_NEWLINK)
    request.attribute(IFLA_ADDRESS, octets: address.octets)
    try perform(request)
  }

  /// Gives the interface, which must be down, another name.
  public func rename(to name: String) throws(SystemCallError) {
    var request = request("RTM_NEWLINK IFLA_IFNAME", RTM_NEWLINK)
    request.attribute(IFLA_IFNAME, text: name)
    try perform(request)
  }

  /// Moves the interface to another namespace, where it is down and may have another number.
  public func move(to namespace: NetworkNamespace) throws(SystemCallError) {
    var request = request("RTM_NEWLINK IFLA_NET_NS_FD", RTM_NEWLINK)
    request.attribute(IFLA_NET_NS_FD, namespace.descriptor.raw)
    try perform(request)
  }

  /// Deletes a software interface, and with a veth its peer.
  public func delete() throws(SystemCallError) {
    try perform(request("RTM_DELLINK", RTM_DELLINK))
  }

  /// Adds an address of the Internet protocol.
  ///
  /// - Parameter prefix: The address and the length of its network, as `192.0.2.1/24` or `2001:db8::1/64`.
  /// - Throws: `Errno.invalidArgument` if the text is not that.
  public func addAddress(_ prefix: String) throws(SystemCallError) {
    guard let address = AddressPrefix(prefix) else {
      throw SystemCallError("inet_pton", prefix, errno: .invalidArgument)
    }
    var header = ifaddrmsg()
    header.ifa_family = UInt8(address.family)
    header.ifa_prefixlen = UInt8(address.length)
    // Without duplicate detection, which would keep an IPv6 address from use for a second.
    header.ifa_flags = UInt8(IFA_F_NODAD)
    header.ifa_index = index
    var request = NetlinkRequest(
      "RTM_NEWADDR \(prefix)", name, type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE, header)
    request.attribute(IFA_LOCAL, octets: address.octets)
    request.attribute(IFA_ADDRESS, octets: address.octets)
    try perform(request)
  }

  private func request(_ call: String, _ type: Int) -> NetlinkRequest {
    var header = ifinfomsg()
    header.ifi_index = Int32(bitPattern: index)
    return NetlinkRequest(call, name, type: type, header)
  }

  private func perform(_ request: NetlinkRequest) throws(SystemCallError) {
    var netlink = try NetlinkSocket()
    try netlink.perform(request)
  }
}

/// An address of the Internet protocol and the length of its network.
private struct AddressPrefix {
  let family: Int32
  let length: Int
  let octets: [UInt8]

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let length = Int(parts[1]) else { return nil }
    family = parts[0].contains(":") ? AF_INET6 : AF_INET
    var octets = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
    guard (0...octets.count * 8).contains(length) else { return nil }
    // Safe: the array has the octets that the family's addresses have.
    guard unsafe inet_pton(family, String(parts[0]), &octets) == 1 else { return nil }
    self.length = length
    self.octets = octets
  }
}
