// SPDX-License-Identifier: Apache-2.0

/// Where things lie inside one reservation.
///
/// A reservation is aligned to its own span, so a mask turns any address inside it into its base, and an
/// offset means the same in every process that maps the same memory:
///
///     0        4 GiB        8 GiB        12 GiB       16 GiB
///     ├────────┼──┬─────────┼────────────┼────────────┤
///     │trusted │lo│  guard  │   arena    │   guard    │
///     └────────┴──┴─────────┴────────────┴────────────┘
///
/// - *trusted*: descriptors, rings, counters. Shared between our processes, never visible to a program.
/// - *lo* (local): what only this process may follow, such as references to objects. Never shared.
/// - *arena*: packet buffers. The low 32 bits of a buffer's address are its arena offset, which is also what
///   an eBPF program's 32-bit `data` and `data_end` hold.
@frozen
public enum AddressMap {
  /// The octets of one reservation, and its alignment.
  public static let span: UInt = 16 << 30
  /// Turns an address inside a reservation into an offset from its base.
  @inlinable public static var offsetMask: UInt { (16 << 30) &- 1 }
  /// The octets of the trusted region, which begins at offset 0.
  public static let trustedByteCount: UInt = 4 << 30
  /// Where in the trusted region the blocks begin that are handed out; in front of them lie tables at fixed places.
  public static let tablesByteCount: UInt = 256 << 20
  /// Where the process-local region begins.
  @inlinable public static var localOffset: UInt { 4 << 30 }
  /// The octets of the process-local region: two words for each of 65,536 memory models.
  public static let localByteCount: UInt = 16 * 65_536
  /// Where the arena begins.
  @inlinable public static var arenaOffset: UInt { 8 << 30 }
  /// The octets of the arena: what 32 bits can address.
  public static let arenaByteCount: UInt = 4 << 30

  /// The base of the reservation that holds `address`.
  ///
  /// Safe: callers pass an address inside a reservation; the result is only followed inside the same one.
  @inlinable
  @inline(__always)
  public static func base(of address: UnsafeRawPointer) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: address) & ~offsetMask)
      .unsafelyUnwrapped
  }
}
