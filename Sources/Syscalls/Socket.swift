// SPDX-License-Identifier: Apache-2.0

import CLinux

/// An open socket, never inherited by another program.
///
/// Any thread may use it, as with the number in C. It belongs to the network namespace that its creator was in.
public struct Socket: ~Copyable, Sendable {
  /// The open socket.
  public let descriptor: FileDescriptor

  /// The number, valid for as long as this value lives.
  public var raw: RawDescriptor { descriptor.raw }

  /// Which world the socket speaks to.
  public struct Family: RawRepresentable, Hashable, Sendable {
    /// The number of C's `AF_` constant.
    public let rawValue: Int32
    /// Takes the number of C's `AF_` constant.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `AF_XDP`.
    public static let xdp = Family(rawValue: AF_XDP)
    /// `AF_PACKET`.
    public static let packet = Family(rawValue: AF_PACKET)
    /// `AF_NETLINK`.
    public static let netlink = Family(rawValue: AF_NETLINK)
    /// `AF_UNIX`.
    public static let unix = Family(rawValue: AF_UNIX)
    /// `AF_INET`.
    public static let ipv4 = Family(rawValue: AF_INET)
    /// `AF_INET6`.
    public static let ipv6 = Family(rawValue: AF_INET6)
  }

  /// How the socket carries octets.
  public struct Kind: RawRepresentable, Hashable, Sendable {
    /// The number of C's `SOCK_` constant.
    public let rawValue: Int32
    /// Takes the number of C's `SOCK_` constant.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `SOCK_STREAM`.
    public static let stream = Kind(rawValue: Int32(SOCK_STREAM.rawValue))
    /// `SOCK_DGRAM`.
    public static let datagram = Kind(rawValue: Int32(SOCK_DGRAM.rawValue))
    /// `SOCK_SEQPACKET`.
    public static let sequencedPacket = Kind(rawValue: Int32(SOCK_SEQPACKET.rawValue))
    /// `SOCK_RAW`.
    public static let raw = Kind(rawValue: Int32(SOCK_RAW.rawValue))
  }

  /// Takes ownership of an open socket.
  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Opens a socket.
  ///
  /// The corresponding C function is `socket`.
  ///
  /// - Parameters:
  ///   - family: Which world the socket speaks to.
  ///   - kind: How it carries octets.
  ///   - transport: The protocol's number in the order in which the family wants it; 0 for the usual one.
  ///   - nonblocking: Whether calls return at once when there is nothing to do.
  /// - Throws: `Errno.notPermitted` without the capability that the family asks for.
  public init(
    _ family: Family, _ kind: Kind, transport: Int32 = 0, nonblocking: Bool = true
  ) throws(SystemCallError) {
    let flags = Socket.creationFlags(nonblocking)
    let raw = try kernel("socket") { socket(family.rawValue, kind.rawValue | flags, transport) }
    descriptor = FileDescriptor(owning: raw)
  }

  static func creationFlags(_ nonblocking: Bool) -> Int32 {
    let flags = nonblocking ? SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue : SOCK_CLOEXEC.rawValue
    return Int32(flags)
  }
}

// Safe, for this extension: the kernel reads or writes local values of the length that it is told. The caller
// pairs an option or an address family with its structure. The values are C's: a constraint to BitwiseCopyable would
// shut out those that hold a union, as sockaddr_in6 does.
extension Socket {
  /// Sets an option.
  ///
  /// The corresponding C function is `setsockopt`.
  ///
  /// - Parameters:
  ///   - call: The option's C name, for the error.
  ///   - level: The option's world, as `SOL_XDP`.
  ///   - option: The option's number.
  ///   - value: The number or the structure that the option is defined for.
  /// - Throws: `Errno.protocolNotAvailable` where the kernel does not know the option.
  public borrowing func setOption<Value>(
    _ call: String, level: Int32, _ option: Int32, _ value: Value
  ) throws(SystemCallError) {
    let raw = raw
    try kernel("setsockopt \(call)") {
      unsafe withUnsafePointer(to: value) {
        unsafe setsockopt(raw, level, option, $0, socklen_t(MemoryLayout<Value>.size))
      }
    }
  }

  /// Reads an option.
  ///
  /// The corresponding C function is `getsockopt`.
  ///
  /// - Parameters:
  ///   - call: The option's C name, for the error.
  ///   - level: The option's world, as `SOL_XDP`.
  ///   - option: The option's number.
  ///   - value: The number or the structure that the option is defined for; what the kernel does not write stays.
  /// - Returns: The octets that the kernel wrote, fewer than the structure has in an older kernel.
  /// - Throws: `Errno.protocolNotAvailable` where the kernel does not know the option.
  @discardableResult
  public borrowing func readOption<Value>(
    _ call: String, level: Int32, _ option: Int32, into value: inout Value
  ) throws(SystemCallError) -> Int {
    let raw = raw
    var byteCount = socklen_t(MemoryLayout<Value>.size)
    try kernel("getsockopt \(call)") {
      unsafe withUnsafeMutablePointer(to: &value) {
        unsafe getsockopt(raw, level, option, $0, &byteCount)
      }
    }
    return Int(byteCount)
  }

  /// Gives the socket its address.
  ///
  /// The corresponding C function is `bind`.
  ///
  /// - Parameters:
  ///   - address: The family's structure: `sockaddr_xdp`, `sockaddr_ll`, `sockaddr_nl`, `sockaddr_un`.
  ///   - subject: What to name in the error: an interface, a path.
  /// - Throws: `Errno.addressInUse` or `.resourceBusy` where another socket has it.
  public borrowing func bind<Address>(
    _ address: Address, _ subject: String = ""
  ) throws(SystemCallError) {
    let raw = raw
    try kernel("bind", subject) {
      unsafe withUnsafePointer(to: address) {
        unsafe clinux_bind(raw, $0, UInt32(MemoryLayout<Address>.size))
      }
    }
  }

  /// Connects the socket to another's address.
  ///
  /// The corresponding C function is `connect`.
  public borrowing func connect<Address>(
    _ address: Address, _ subject: String = ""
  ) throws(SystemCallError) {
    let raw = raw
    try kernel("connect", subject) {
      unsafe withUnsafePointer(to: address) {
        unsafe clinux_connect(raw, $0, UInt32(MemoryLayout<Address>.size))
      }
    }
  }

  /// Takes the error that the socket met since this was last called (`SO_ERROR`); nil if none.
  public borrowing func takeError() throws(SystemCallError) -> Errno? {
    var error: Int32 = 0
    try readOption("SO_ERROR", level: SOL_SOCKET, SO_ERROR, into: &error)
    return error == 0 ? nil : Errno(rawValue: error)
  }
}
