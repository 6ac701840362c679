// SPDX-License-Identifier: Apache-2.0

internal import Syscalls

/// How the queues of a port attach to an interface.
struct TAPAttachment {
  private let flags: TAPDevice.Flags
  private let offloads: TAPDevice.Offloads

  /// The most queues of one interface, `MAX_TAP_QUEUES`.
  static let queueLimit = 256

  /// Looks how an interface was made; one that does not exist yet is made as the queues need it.
  init(_ device: String, queueCount: Int, _ options: TAPOptions) throws(SystemCallError) {
    var isMultiQueue = queueCount > 1
    if Interface.exists(device) {
      let state = try Interface(named: device).state()
      if state.transmitQueueCount > 1 { isMultiQueue = true }
    }
    let header: TAPDevice.Flags = options.offload == .none ? [] : .virtualHeader
    flags = isMultiQueue ? header.union(.multiQueue) : header
    switch options.offload {
    case .none: offloads = []
    case .checksum: offloads = .checksum
    case .segmentation: offloads = [.checksum, .tcpSegmentation, .udpSegmentation]
    }
  }

  /// Attaches one queue.
  func open(_ device: String) throws(SystemCallError) -> TAPDevice {
    let queue = try TAPDevice(attachingTo: device, flags)
    guard flags.contains(.virtualHeader) else { return queue }
    do throws(SystemCallError) {
      try queue.setOffloads(offloads)
    } catch {
      guard error.errno == .invalidArgument else { throw error }
      // Linux before 6.2 does not leave UDP to be cut.
      try queue.setOffloads(offloads.subtracting(.udpSegmentation))
    }
    return queue
  }

  /// Sets an interface up that was just made.
  static func prepare(_ device: String, mtu: Int) throws(SystemCallError) {
    let interface = try Interface(named: device)
    try interface.setMTU(UInt32(mtu))
    try interface.setUp(true)
  }

  /// What failed, and what an operator can do about it.
  static func explain(
    _ error: SystemCallError, port: String, queueCount: Int
  ) -> PortError {
    let device = error.subject.isEmpty ? "the interface" : error.subject
    let advice: String? =
      switch (error.call, error.errno) {
      case ("open", .noSuchFileOrDirectory), ("open", .noSuchDevice):
        "this kernel has no TAP; modprobe tun"
      case ("open", _): "/dev/net/tun must be readable and writable"
      case ("ioctl TUNSETIFF", .notPermitted):
        "a TAP needs CAP_NET_ADMIN, or ip tuntap add dev \(device) mode tap user NAME"
      case ("ioctl TUNSETIFF", .invalidArgument):
        queueCount > 1
          ? "it is no TAP, or was made for one queue; ip tuntap add dev \(device) mode tap multi_queue"
          : "it exists and is no TAP"
      case ("ioctl TUNSETIFF", .resourceBusy): "another process is attached to its only queue"
      case ("ioctl TUNSETIFF", .argumentListTooLong): "all of its queues are attached"
      default: nil
      }
    return PortError(
      "port \(port): \(error)" + (advice.map { "; \($0)" } ?? ""), errno: error.errno)
  }
}
