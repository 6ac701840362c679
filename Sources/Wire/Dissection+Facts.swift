// SPDX-License-Identifier: Apache-2.0

extension Dissection {
  /// What the walk found out, in 32 bits: transport, network, stop and flags, an octet each.
  @frozen @usableFromInline struct Facts: OptionSet, Hashable, Sendable {
    @usableFromInline var rawValue: UInt32

    @inlinable init(rawValue: UInt32) { self.rawValue = rawValue }

    @inline(always) init(_ network: Network, _ transport: IPProtocol, _ stop: Stop) {
      let upper = UInt32(stop.rawValue) << 16 | UInt32(network.rawValue) << 8
      rawValue = upper | UInt32(transport.rawValue)
    }

    @inlinable static var isFragment: Facts { Facts(rawValue: 1 << 24) }
    @inlinable static var isCutShort: Facts { Facts(rawValue: 1 << 25) }
    @inlinable static var hasSegmentsLeft: Facts { Facts(rawValue: 1 << 26) }
    @inlinable static var hasPorts: Facts { Facts(rawValue: 1 << 27) }

    @inlinable var transport: IPProtocol {
      IPProtocol(rawValue: UInt8(truncatingIfNeeded: rawValue))
    }

    @inlinable var network: Network {
      Network(rawValue: UInt8(truncatingIfNeeded: rawValue >> 8)) ?? .other
    }

    @inlinable var stop: Stop {
      @inline(always) get {
        Stop(rawValue: UInt8(truncatingIfNeeded: rawValue >> 16)) ?? .malformed
      }
      @inline(always) set {
        rawValue = rawValue & 0xff00_ffff | UInt32(newValue.rawValue) << 16
      }
    }

    /// Adds a flag if it holds.
    @inline(always) mutating func set(_ flag: Facts, _ holds: Bool) {
      rawValue |= holds ? flag.rawValue : 0
    }
  }
}
