// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Work that an interface can take over from the kernel.
///
/// A frame that leaves a socket whose interface offloads checksums carries half a checksum; one that leaves an
/// interface with segmentation may be 64 KiB long. Who reads raw frames turns these off at the sender.
public enum Offload: Sendable, CaseIterable {
  /// Checksums of what is transmitted (`tx`).
  case transmitChecksum
  /// Checksums of what is received (`rx`).
  case receiveChecksum
  /// Gathering a frame from several pieces (`sg`).
  case scatterGather
  /// Cutting a TCP stream into frames (`tso`).
  case tcpSegmentation
  /// Cutting late, in software (`gso`).
  case genericSegmentation
  /// Joining received frames (`gro`).
  case genericReceive

  /// The ethtool commands that read and set it.
  fileprivate var commands: (read: Int32, set: Int32, name: String) {
    switch self {
    case .transmitChecksum: (ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, "STXCSUM")
    case .receiveChecksum: (ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM, "SRXCSUM")
    case .scatterGather: (ETHTOOL_GSG, ETHTOOL_SSG, "SSG")
    case .tcpSegmentation: (ETHTOOL_GTSO, ETHTOOL_STSO, "STSO")
    case .genericSegmentation: (ETHTOOL_GGSO, ETHTOOL_SGSO, "SGSO")
    case .genericReceive: (ETHTOOL_GGRO, ETHTOOL_SGRO, "SGRO")
    }
  }
}

/// How many queues an interface uses and how many it could.
public struct QueueCounts: Hashable, Sendable {
  /// Receive queues in use.
  public let receive: UInt32
  /// Transmit queues in use.
  public let transmit: UInt32
  /// The most receive queues that its driver offers.
  public let maximumReceive: UInt32
  /// The most transmit queues that its driver offers.
  public let maximumTransmit: UInt32
}

extension Interface {
  /// Whether the interface does this work now.
  public func offloads(_ offload: Offload) throws(SystemCallError) -> Bool {
    let (command, _, name) = offload.commands
    var value = ethtool_value(cmd: UInt32(command), data: 0)
    try ethtool("ETHTOOL_G\(name.dropFirst())", &value)
    return value.data != 0
  }

  /// Has the interface do this work, or not.
  ///
  /// - Throws: `Errno.notSupported` where the driver gives no choice.
  public func setOffload(_ offload: Offload, _ enabled: Bool) throws(SystemCallError) {
    let (_, command, name) = offload.commands
    var value = ethtool_value(cmd: UInt32(command), data: enabled ? 1 : 0)
    try ethtool("ETHTOOL_\(name)", &value)
  }

  /// The queues that the interface uses.
  ///
  /// From the driver's channels, or where it has none from what the interface was created with.
  public func queueCounts() throws(SystemCallError) -> QueueCounts {
    var channels = ethtool_channels()
    channels.cmd = UInt32(ETHTOOL_GCHANNELS)
    do {
      try ethtool("ETHTOOL_GCHANNELS", &channels)
    } catch {
      if error.errno != .notSupported { throw error }
      let state = try state()
      return QueueCounts(
        receive: state.receiveQueueCount, transmit: state.transmitQueueCount,
        maximumReceive: state.receiveQueueCount, maximumTransmit: state.transmitQueueCount)
    }
    return QueueCounts(
      receive: channels.rx_count &+ channels.combined_count,
      transmit: channels.tx_count &+ channels.combined_count,
      maximumReceive: max(channels.max_rx, channels.max_combined),
      maximumTransmit: max(channels.max_tx, channels.max_combined))
  }

  /// The name of the interface's driver, as `veth` or `mlx5_core`.
  public func driverName() throws(SystemCallError) -> String {
    var information = ethtool_drvinfo()
    information.cmd = UInt32(ETHTOOL_GDRVINFO)
    try ethtool("ETHTOOL_GDRVINFO", &information)
    // Safe: the kernel ends the string with a zero.
    return unsafe withUnsafeBytes(of: information.driver) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Sends an ethtool command, a structure whose first word is the command's number.
  private func ethtool<Command: BitwiseCopyable>(
    _ call: String, _ command: inout Command
  ) throws(SystemCallError) {
    let socket = try Socket(.ipv4, .datagram)
    let (raw, name) = (socket.raw, name)
    // Safe: both structures outlive the call, and each command is defined for the structure it is sent in.
    try kernel("ioctl \(call)", name) {
      unsafe withUnsafeMutablePointer(to: &command) { command in
        var request = unsafe ifreq()
        unsafe withUnsafeMutableBytes(of: &request.ifr_ifrn.ifrn_name) {
          unsafe $0.copyBytes(from: name.utf8.prefix(Interface.longestNameByteCount))
        }
        unsafe request.ifr_ifru.ifru_data = UnsafeMutableRawPointer(command)
          .assumingMemoryBound(to: CChar.self)
        return unsafe clinux_ioctl(raw, UInt(SIOCETHTOOL), &request)
      }
    }
  }
}
