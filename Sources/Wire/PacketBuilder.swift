// SPDX-License-Identifier: Apache-2.0

// Safe: `reserve()` hands out only ranges inside the memory that the builder was made with.
/// Writes a packet header by header, outermost first, into memory of the caller.
///
/// A value of one thread; it never allocates. Each header names itself in the type field of the one
/// before, and `finish()` fills in lengths and checksums:
///
///     var builder = unsafe PacketBuilder(memory)
///     builder.ethernet()
///     builder.vlan(VLAN.Tag(7))
///     builder.ipv4(IPv4Header(source: a, destination: b))
///     builder.udp(source: 1000, destination: 53)
///     builder.payload(byteCount: 64)
///     let byteCount = builder.finish()
///
/// What does not fit is left out and remembered: `finish()` then gives nil.
@safe public struct PacketBuilder: ~Copyable {
  @usableFromInline let memory: UnsafeMutableRawPointer
  @usableFromInline let capacity: Int
  /// Octets written so far.
  public internal(set) var byteCount = 0
  /// Whether something did not fit.
  public internal(set) var isOverflowed = false

  /// What the field at `typeOffset` takes.
  enum TypeField {
    case none
    case etherType
    case nextProtocol
  }
  var typeField = TypeField.none
  var typeOffset = 0

  enum Network {
    case none
    case ipv4
    case ipv6
  }
  var network = Network.none
  var networkOffset = 0
  /// Whether the packet is a part of one whose checksum nobody here can know.
  var isFragment = false

  var transport = IPProtocol.noNextHeader
  var transportOffset = 0

  /// Makes a builder that writes to memory, which must outlive it.
  @unsafe public init(_ memory: UnsafeMutableRawBufferPointer) {
    unsafe self.memory =
      memory.baseAddress
      ?? UnsafeMutableRawPointer(bitPattern: 1)
      .unsafelyUnwrapped
    capacity = memory.count
  }

  /// Room for some octets at the end of the packet; nil if there is too little.
  mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard !isOverflowed, byteCount >= 0, byteCount <= capacity &- self.byteCount else {
      isOverflowed = true
      return nil
    }
    defer { self.byteCount &+= byteCount }
    return unsafe memory + self.byteCount
  }

  /// Names the next header in the EtherType before it.
  mutating func name(_ type: EtherType) {
    if typeField == .etherType { unsafe memory.setField(typeOffset, type.rawValue) }
    typeField = .none
  }

  /// Names the next header in the protocol field before it.
  mutating func name(_ next: IPProtocol) {
    if typeField == .nextProtocol { unsafe memory.setField(typeOffset, next.rawValue) }
    typeField = .none
  }
}

extension PacketBuilder {
  /// Builds a packet into a span.
  ///
  /// - Returns: Its octets; nil if it did not fit.
  public static func build(
    into memory: inout MutableRawSpan, minimumByteCount: Int = 0,
    _ write: (inout PacketBuilder) -> Void
  ) -> Int? {
    unsafe memory.withUnsafeMutableBytes { memory in
      var builder = unsafe PacketBuilder(memory)
      write(&builder)
      return builder.finish(minimumByteCount: minimumByteCount)
    }
  }

  /// Builds a packet into an array of its own, for tests and tools.
  ///
  /// - Parameters:
  ///   - capacity: The most octets it may have.
  ///   - minimumByteCount: The least; what is missing is padded with zeros.
  ///   - write: Writes the headers.
  /// - Returns: The octets of the packet.
  /// - Precondition: The packet fits its capacity.
  /// - Note: Allocates.
  public static func octets(
    capacity: Int = 16384, minimumByteCount: Int = 0, _ write: (inout PacketBuilder) -> Void
  ) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: capacity) { memory, count in
      var builder = unsafe PacketBuilder(UnsafeMutableRawBufferPointer(memory))
      write(&builder)
      guard let byteCount = builder.finish(minimumByteCount: minimumByteCount) else {
        preconditionFailure("The packet has more octets than its capacity, or than IP can count.")
      }
      count = byteCount
    }
  }
}
