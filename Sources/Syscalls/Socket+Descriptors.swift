// SPDX-License-Identifier: Apache-2.0

import CLinux

extension Socket {
  /// The most open files that one message can carry (`SCM_MAX_FD`).
  public static let descriptorLimit = Int(CLINUX_DESCRIPTORS_MAX)

  /// Sends octets over a Unix socket, and with them open files.
  ///
  /// The receiver gets files of its own: the sender may close its descriptors afterwards.
  ///
  /// The corresponding C function is `sendmsg` with `SCM_RIGHTS`.
  ///
  /// - Parameters:
  ///   - bytes: At least one octet, or a stream does not carry the files.
  ///   - descriptors: At most `descriptorLimit`.
  /// - Returns: The octets sent; nil if the send would block.
  /// - Throws: `Errno.brokenPipe` if the other end is closed.
  public borrowing func send(
    _ bytes: UnsafeRawBufferPointer, with descriptors: [RawDescriptor]
  ) throws(SystemCallError) -> Int? {
    let raw = raw
    return try kernelUnlessBlocked("sendmsg SCM_RIGHTS") {
      unsafe clinux_send_descriptors(
        raw, bytes.baseAddress, bytes.count, descriptors, UInt32(descriptors.count))
    }
  }

  /// Receives octets over a Unix socket, and the open files that came with them.
  ///
  /// The corresponding C function is `recvmsg` with `SCM_RIGHTS`.
  ///
  /// - Parameters:
  ///   - bytes: Where the octets go.
  ///   - take: Called with each file, in the order in which they were sent.
  /// - Returns: The octets received, 0 at the end of a stream; nil if the receive would block.
  /// - Throws: `Errno.connectionReset` if the other end went away.
  public borrowing func receive(
    into bytes: UnsafeMutableRawBufferPointer, take: (consuming FileDescriptor) -> Void
  ) throws(SystemCallError) -> Int? {
    let raw = raw
    var descriptors = [RawDescriptor](repeating: -1, count: Socket.descriptorLimit)
    var count: UInt32 = 0
    // Safe: the array has room for as many files as a message can carry.
    let received = try kernelUnlessBlocked("recvmsg SCM_RIGHTS") {
      unsafe clinux_receive_descriptors(
        raw, bytes.baseAddress, bytes.count, &descriptors, &count)
    }
    for descriptor in descriptors[..<Int(count)] { take(FileDescriptor(owning: descriptor)) }
    return received
  }
}
