// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A packet socket: whole Ethernet frames, in and out of one interface.
///
/// One thread uses it at a time.
@safe
public struct PacketSocket: ~Copyable {
  /// The socket.
  public let socket: Socket
  /// The most frames of one call.
  public static let batchLimit = 64
  // Safe: allocations of this value, `batchLimit` long.
  private let headers: UnsafeMutablePointer<mmsghdr>
  private let vectors: UnsafeMutablePointer<iovec>

  /// Opens a socket on an interface of the calling thread's network namespace.
  ///
  /// The corresponding C call is `socket(AF_PACKET, SOCK_RAW, …)`.
  ///
  /// - Parameters:
  ///   - interface: The interface.
  ///   - receives: Whether to receive what comes in; frames that go out are left alone in any case.
  ///   - bufferByteCount: Octets of the receive buffer.
  /// - Throws: `Errno.notPermitted` without `CAP_NET_RAW`.
  public init(
    _ interface: Interface, receives: Bool, bufferByteCount: Int32 = 64 << 20
  )
    throws(SystemCallError)
  {
    socket = try PacketSocket.open(interface, receives: receives, bufferByteCount)
    unsafe headers = .allocate(capacity: PacketSocket.batchLimit)
    unsafe vectors = .allocate(capacity: PacketSocket.batchLimit)
    for position in 0..<PacketSocket.batchLimit {
      unsafe (vectors + position).initialize(to: iovec())
      unsafe (headers + position).initialize(to: mmsghdr())
      unsafe headers[position].msg_hdr.msg_iov = unsafe vectors + position
      unsafe headers[position].msg_hdr.msg_iovlen = 1
    }
  }

  private static func open(
    _ interface: Interface, receives: Bool, _ bufferByteCount: Int32
  ) throws(SystemCallError) -> Socket {
    let everything = UInt16(ETH_P_ALL).bigEndian
    let socket = try Socket(.packet, .raw, transport: 0, nonblocking: receives)
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = receives ? everything : 0
    address.sll_ifindex = Int32(bitPattern: interface.index)
    try socket.setOption(
      "PACKET_IGNORE_OUTGOING", level: SOL_PACKET, PACKET_IGNORE_OUTGOING, Int32(1))
    if receives {
      try setBuffer(bufferByteCount, of: socket)
    } else {
      try socket.setOption("PACKET_QDISC_BYPASS", level: SOL_PACKET, PACKET_QDISC_BYPASS, Int32(1))
    }
    try socket.bind(address, interface.name)
    return socket
  }

  /// As much as is wanted, or, for whoever is root in a user namespace only, as much as the system allows everybody.
  private static func setBuffer(
    _ byteCount: Int32, of socket: borrowing Socket
  ) throws(SystemCallError) {
    do throws(SystemCallError) {
      try socket.setOption("SO_RCVBUFFORCE", level: SOL_SOCKET, SO_RCVBUFFORCE, byteCount)
    } catch  where error.errno == .notPermitted {
      try socket.setOption("SO_RCVBUF", level: SOL_SOCKET, SO_RCVBUF, byteCount)
    }
  }

  deinit {
    unsafe headers.deallocate()
    unsafe vectors.deallocate()
  }

  /// Sends frames, in order.
  ///
  /// The corresponding C function is `sendmmsg`.
  ///
  /// - Parameters:
  ///   - frames: The octets of each.
  ///   - count: How many, 1...``batchLimit``.
  /// - Returns: How many were sent; fewer when the interface had no room.
  /// - Throws: What the kernel said about the first.
  public borrowing func send(
    _ frames: UnsafePointer<UnsafeRawBufferPointer>, count: Int
  )
    throws(SystemCallError) -> Int
  {
    precondition((1...PacketSocket.batchLimit).contains(count), "A batch has 1 to 64 frames.")
    for position in 0..<count {
      let frame = unsafe frames[position]
      unsafe vectors[position].iov_base = unsafe UnsafeMutableRawPointer(
        mutating: frame.baseAddress)
      unsafe vectors[position].iov_len = frame.count
    }
    let raw = socket.raw
    let headers = unsafe headers
    let sent = unsafe clinux_send_frames(raw, headers, UInt32(count))
    guard sent >= 0 else {
      let errno = Errno.current
      if errno == .noBufferSpace || errno == .wouldBlock || errno == .interrupted { return 0 }
      throw SystemCallError("sendmmsg", errno: errno)
    }
    return Int(sent)
  }

  /// Takes a frame that came in.
  ///
  /// - Returns: Its octets; nil when none waits, 0 for one without.
  /// - Throws: What the kernel said.
  public borrowing func receive(
    into memory: UnsafeMutableRawBufferPointer
  ) throws(SystemCallError)
    -> Int?
  {
    try unsafe socket.receive(into: memory)
  }
}
