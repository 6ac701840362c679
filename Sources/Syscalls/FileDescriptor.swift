// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// A descriptor's number, borrowed: whoever holds the `FileDescriptor` keeps it open.
public typealias RawDescriptor = Int32

/// An open file that this value owns; its `deinit` closes it.
///
/// One value, one owner; any thread may use it, as with the number in C.
@frozen
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number, valid for as long as this value lives.
  public let raw: RawDescriptor

  /// Takes ownership of a number that nobody else will close.
  ///
  /// - Precondition: `raw` is not negative: check the call's result first.
  @inlinable
  public init(owning raw: RawDescriptor) {
    precondition(raw >= 0, "A negative number is an error, not a descriptor.")
    self.raw = raw
  }

  deinit {
    // Nothing can be done about a failed close: on Linux the number is free again even after EINTR or EIO.
    _ = close(raw)
  }

  /// Gives the number away; whoever takes it closes it.
  @inlinable
  public consuming func take() -> RawDescriptor {
    let raw = raw
    discard self
    return raw
  }
}

extension FileDescriptor {
  /// Opens a file; `O_CLOEXEC` is always added.
  ///
  /// The corresponding C function is `open`.
  public init(
    opening path: String, _ flags: Int32 = O_RDONLY, permissions: UInt32 = 0o600
  ) throws(SystemCallError) {
    let raw = try kernel("open", path) { unsafe clinux_open(path, flags | O_CLOEXEC, permissions) }
    self.init(owning: raw)
  }

  /// A second descriptor of the same open file.
  ///
  /// The corresponding C function is `fcntl` with `F_DUPFD_CLOEXEC`.
  public borrowing func duplicate() throws(SystemCallError) -> FileDescriptor {
    let raw = raw
    return FileDescriptor(
      owning: try kernel("fcntl F_DUPFD_CLOEXEC") { clinux_fcntl(raw, F_DUPFD_CLOEXEC, 0) })
  }

  /// Makes the number stand for another open file; whoever uses the number uses that from here on.
  ///
  /// The corresponding C function is `dup3`.
  public borrowing func replace(with other: borrowing FileDescriptor) throws(SystemCallError) {
    let (raw, source) = (raw, other.raw)
    try kernel("dup3") { dup3(source, raw, O_CLOEXEC) }
  }

  /// Reads at most as many octets as the buffer holds.
  ///
  /// - Returns: The number of octets, 0 at the end of the file; nil if the read would block.
  public borrowing func read(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemCallError) -> Int? {
    let raw = raw
    return try kernelUnlessBlocked("read") {
      unsafe CLinux.read(raw, buffer.baseAddress, buffer.count)
    }
  }

  /// Writes at most the whole buffer.
  ///
  /// - Returns: The number of octets written; nil if the write would block.
  public borrowing func write(
    _ buffer: UnsafeRawBufferPointer
  ) throws(SystemCallError) -> Int? {
    let raw = raw
    return try kernelUnlessBlocked("write") {
      unsafe CLinux.write(raw, buffer.baseAddress, buffer.count)
    }
  }

  /// Whether reads and writes return at once when there is nothing to do (`O_NONBLOCK`).
  public borrowing func setNonblocking(_ nonblocking: Bool) throws(SystemCallError) {
    let raw = raw
    let flags = try kernel("fcntl F_GETFL") { clinux_fcntl(raw, F_GETFL, 0) }
    let wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
    try kernel("fcntl F_SETFL") { clinux_fcntl(raw, F_SETFL, Int(wanted)) }
  }

  /// Makes an ioctl whose argument is a structure that the kernel reads and writes.
  ///
  /// The first argument is the request's C name, for the error; the last a number or a structure of C.
  public borrowing func control<Argument>(
    _ call: String, _ request: UInt, _ argument: inout Argument
  ) throws(SystemCallError) {
    let raw = raw
    // Safe: the caller pairs the request with the structure that it is defined for.
    try kernel("ioctl \(call)") {
      unsafe withUnsafeMutablePointer(to: &argument) {
        unsafe clinux_ioctl(raw, request, UnsafeMutableRawPointer($0))
      }
    }
  }
}
