// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A network interface, by the number that it keeps while it stays in its namespace.
///
/// Every call speaks for the network namespace that the calling thread is in; see `NetworkNamespace.run(_:)`.
public struct Interface: Hashable, Sendable {
  /// The kernel's number for it, 1 or more.
  public let index: UInt32
  /// The name that it had when this value was made.
  public let name: String

  /// The longest name, in octets: `IFNAMSIZ` counts the zero at the end.
  public static let longestNameByteCount = Int(IFNAMSIZ) - 1

  /// Names an interface that is known already.
  public init(index: UInt32, name: String) {
    self.index = index
    self.name = name
  }

  /// Finds an interface by its name.
  ///
  /// The corresponding C function is `if_nametoindex`.
  ///
  /// - Throws: `Errno.noSuchDevice` if there is none.
  public init(named name: String) throws(SystemCallError) {
    // Safe: the string outlives the call.
    let index = unsafe if_nametoindex(name)
    if index == 0 { throw SystemCallError("if_nametoindex", name, errno: .current) }
    self.init(index: index, name: name)
  }

  /// Whether there is an interface of that name.
  public static func exists(_ name: String) -> Bool { unsafe if_nametoindex(name) != 0 }
}

extension Interface: CustomStringConvertible {
  /// The name.
  public var description: String { name }
}

/// What an interface can and does do at this moment.
public struct InterfaceFlags: OptionSet, Hashable, Sendable {
  /// The bits of C's `IFF_` constants.
  public let rawValue: UInt32
  /// Takes the bits of C's `IFF_` constants.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `IFF_UP`: an administrator wants it up.
  public static let up = InterfaceFlags(rawValue: 1 << 0)
  /// `IFF_LOOPBACK`.
  public static let loopback = InterfaceFlags(rawValue: 1 << 3)
  /// `IFF_RUNNING`: it is up and has what it needs to carry frames.
  public static let running = InterfaceFlags(rawValue: 1 << 6)
  /// `IFF_PROMISC`.
  public static let promiscuous = InterfaceFlags(rawValue: 1 << 8)
  /// `IFF_LOWER_UP`: it has a carrier.
  public static let carrier = InterfaceFlags(rawValue: 1 << 16)
}

/// Six octets that name a station on an Ethernet.
public struct HardwareAddress: Hashable, Sendable, LosslessStringConvertible {
  /// The address as a number, its first octet the highest.
  public let rawValue: UInt64

  /// Takes the low 48 bits of a number.
  public init(rawValue: UInt64) { self.rawValue = rawValue & 0xffff_ffff_ffff }

  /// Takes six octets in the order of the wire; nil if there are not six.
  public init?(octets: some Collection<UInt8>) {
    guard octets.count == 6 else { return nil }
    self.init(rawValue: octets.reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// Reads six hexadecimal numbers with colons; nil if it is not that.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false)
    let octets = parts.compactMap { $0.count <= 2 ? UInt8($0, radix: 16) : nil }
    guard parts.count == 6 else { return nil }
    self.init(octets: octets)
  }

  /// The octets in the order of the wire.
  public var octets: [UInt8] {
    (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - 8 * $0)) }
  }

  /// Six hexadecimal numbers with colons.
  public var description: String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
