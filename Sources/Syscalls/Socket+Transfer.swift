// SPDX-License-Identifier: Apache-2.0

import CLinux

extension Socket {
  /// Sends one message, or what fits of a stream; a closed other end is an error, not a signal.
  ///
  /// The corresponding C function is `send`.
  ///
  /// - Returns: The octets sent; nil if the send would block.
  public borrowing func send(
    _ bytes: UnsafeRawBufferPointer, flags: Int32 = 0
  ) throws(SystemCallError) -> Int? {
    let raw = raw
    return try kernelUnlessBlocked("send") {
      unsafe CLinux.send(raw, bytes.baseAddress, bytes.count, flags | Int32(MSG_NOSIGNAL))
    }
  }

  /// Receives one message, or what there is of a stream.
  ///
  /// The corresponding C function is `recv`.
  ///
  /// - Returns: The octets received, 0 at the end of a stream; nil if the receive would block.
  public borrowing func receive(
    into bytes: UnsafeMutableRawBufferPointer, flags: Int32 = 0
  ) throws(SystemCallError) -> Int? {
    let raw = raw
    return try kernelUnlessBlocked("recv") {
      unsafe recv(raw, bytes.baseAddress, bytes.count, flags)
    }
  }

  /// Has the kernel work through an AF_XDP transmit ring, without octets of its own.
  ///
  /// The corresponding C function is `sendto` with a length of 0 and `MSG_DONTWAIT`.
  ///
  /// - Returns: Why the kernel did not, nil if it did. `wouldBlock`, `resourceBusy` and `noBufferSpace` mean later.
  @discardableResult
  public borrowing func kickTransmit() -> Errno? { Socket.kickTransmit(raw) }

  /// Has the kernel work through an AF_XDP receive and fill ring, without octets of its own.
  ///
  /// The corresponding C function is `recvfrom` with a length of 0 and `MSG_DONTWAIT`.
  ///
  /// - Returns: Why the kernel did not, nil if it did.
  @discardableResult
  public borrowing func kickReceive() -> Errno? { Socket.kickReceive(raw) }

  /// As `kickTransmit()`, for a hot path that keeps the number alone.
  ///
  /// - Note: Never allocates, never throws: an error here is an ordinary answer.
  public static func kickTransmit(_ raw: RawDescriptor) -> Errno? {
    clinux_kick_transmit(raw) < 0 ? Errno.current : nil
  }

  /// As `kickReceive()`, for a hot path that keeps the number alone.
  public static func kickReceive(_ raw: RawDescriptor) -> Errno? {
    clinux_kick_receive(raw) < 0 ? Errno.current : nil
  }
}
