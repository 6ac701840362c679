// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import MemModels
internal import Syscalls

/// An AF_XDP socket with its four rings, mapped; not bound yet.
///
/// Its end unmaps the rings and closes the socket, in this order, because a mapping keeps the queue busy.
///
/// Source: `struct xdp_sock`, `include/net/xdp_sock.h`.
struct XSKSocket: ~Copyable {
  let receive: Mapping
  let transmit: Mapping
  let fill: Mapping
  let completion: Mapping
  /// Where the parts of the rings lie in their mappings.
  let offsets: xdp_mmap_offsets
  let socket: Socket

  /// Opens a socket in the calling thread's network namespace.
  init(_ options: AFXDPOptions) throws(SystemCallError) {
    let socket = try Socket(.xdp, .raw)
    let rings = [
      ("XDP_UMEM_FILL_RING", XDP_UMEM_FILL_RING, options.fillRingCapacity),
      ("XDP_UMEM_COMPLETION_RING", XDP_UMEM_COMPLETION_RING, options.completionRingCapacity),
      ("XDP_RX_RING", XDP_RX_RING, options.receiveRingCapacity),
      ("XDP_TX_RING", XDP_TX_RING, options.transmitRingCapacity),
    ]
    for (name, option, capacity) in rings {
      try socket.setOption(name, level: SOL_XDP, option, Int32(capacity))
    }
    var offsets = xdp_mmap_offsets()
    try socket.readOption("XDP_MMAP_OFFSETS", level: SOL_XDP, XDP_MMAP_OFFSETS, into: &offsets)
    let frame = MemoryLayout<xdp_desc>.stride
    let address = MemoryLayout<UInt64>.stride
    let receive = try XSKSocket.map(
      socket.raw, Int(XDP_PGOFF_RX_RING), offsets.rx, options.receiveRingCapacity * frame)
    let transmit = try XSKSocket.map(
      socket.raw, Int(XDP_PGOFF_TX_RING), offsets.tx, options.transmitRingCapacity * frame)
    let fill = try XSKSocket.map(
      socket.raw, Int(XDP_UMEM_PGOFF_FILL_RING), offsets.fr, options.fillRingCapacity * address)
    let completion = try XSKSocket.map(
      socket.raw, Int(XDP_UMEM_PGOFF_COMPLETION_RING), offsets.cr,
      options.completionRingCapacity * address)
    // Older kernels send 32 descriptors per call and are then called again; a refusal changes nothing else.
    try? socket.setOption(
      "XDP_MAX_TX_SKB_BUDGET", level: SOL_XDP, Int32(CLINUX_XDP_MAX_TX_SKB_BUDGET),
      Int32(options.transmitRingCapacity))
    self.receive = receive
    self.transmit = transmit
    self.fill = fill
    self.completion = completion
    self.offsets = offsets
    self.socket = socket
  }

  private static func map(
    _ socket: RawDescriptor, _ page: Int, _ ring: xdp_ring_offset, _ byteCount: Int
  ) throws(SystemCallError) -> Mapping {
    try Mapping.shared(
      socket, offset: page, byteCount: Int(ring.desc) + byteCount, populate: true)
  }

  /// Binds the socket to a queue.
  ///
  /// - Parameters:
  ///   - umem: The memory, registered by this socket unless it can share another's registration.
  ///   - interface: Of the namespace that the socket was opened in.
  ///   - queue: The interface's queue.
  ///   - flags: `XDP_COPY`, `XDP_ZEROCOPY`, `XDP_USE_NEED_WAKEUP`, `XDP_USE_SG`.
  /// - Returns: The socket as the UMEM lists it.
  /// - Throws: `Errno.resourceBusy` for some 30 ms after another socket of the queue was closed.
  ///
  /// Source: `xsk_bind()`, `net/xdp/xsk.c`.
  borrowing func bind(
    to umem: UMEM, interface: Interface, queue: Int, flags: UInt16
  ) throws(SystemCallError) -> UMEMSocket {
    var address = sockaddr_xdp()
    address.sxdp_family = UInt16(AF_XDP)
    address.sxdp_ifindex = interface.index
    address.sxdp_queue_id = UInt32(queue)
    let raw = socket.raw
    let bound = try umem.join(flags: flags) { partner throws(SystemCallError) -> Int32? in
      address.sxdp_flags = partner == nil ? flags : UInt16(XDP_SHARED_UMEM)
      address.sxdp_shared_umem_fd = partner.map { UInt32($0) } ?? 0
      do throws(SystemCallError) {
        if partner == nil { try XSKSocket.register(umem, with: raw) }
        try XSKSocket.bind(raw, address, interface.name)
        return raw
      } catch {
        // The partner's interface has gone, or is of another kind: there are other partners, or none is needed.
        let isPartners = [.badFileDescriptor, .invalidArgument, .notSupported].contains(error.errno)
        guard partner != nil, isPartners else { throw error }
        return nil
      }
    }
    guard let bound else { throw SystemCallError("bind", interface.name, errno: .invalidArgument) }
    return bound
  }

  private static func register(_ umem: UMEM, with raw: RawDescriptor) throws(SystemCallError) {
    var registration = xdp_umem_reg()
    registration.addr = unsafe UInt64(UInt(bitPattern: umem.segment.address))
    registration.len = UInt64(umem.byteCount)
    registration.chunk_size = UInt32(umem.chunkByteCount)
    // Safe: the structure outlives the call; the segment outlives the socket.
    let result = unsafe setsockopt(
      raw, SOL_XDP, XDP_UMEM_REG, &registration,
      socklen_t(MemoryLayout<xdp_umem_reg>.size))
    guard result == 0 else { throw SystemCallError("setsockopt XDP_UMEM_REG", errno: .current) }
  }

  private static func bind(
    _ raw: RawDescriptor, _ address: sockaddr_xdp, _ interface: String
  ) throws(SystemCallError) {
    // Safe: the structure outlives the call.
    let result = unsafe withUnsafePointer(to: address) {
      unsafe clinux_bind(raw, $0, UInt32(MemoryLayout<sockaddr_xdp>.size))
    }
    guard result == 0 else { throw SystemCallError("bind", interface, errno: .current) }
  }

  /// Whether the kernel still has the socket bound to an interface.
  ///
  /// Polling would never tell: a socket whose interface has gone stays silent. It reports `ENETDOWN` once, and then
  /// refuses every call.
  ///
  /// Source: `xsk_notifier()` and `xsk_recvmsg()`, `net/xdp/xsk.c`.
  borrowing func isBound() -> Bool {
    _ = try? socket.takeError()
    return socket.kickReceive() != .noSuchAddressOrDevice
  }

  /// Whether the driver writes into our memory itself.
  borrowing func isZeroCopy() -> Bool {
    var options = xdp_options()
    _ = try? socket.readOption("XDP_OPTIONS", level: SOL_XDP, XDP_OPTIONS, into: &options)
    return options.flags & UInt32(XDP_OPTIONS_ZEROCOPY) != 0
  }

  /// What the kernel has counted for this socket.
  borrowing func statistics() -> xdp_statistics {
    var statistics = xdp_statistics()
    _ = try? socket.readOption("XDP_STATISTICS", level: SOL_XDP, XDP_STATISTICS, into: &statistics)
    return statistics
  }
}
