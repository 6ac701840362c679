// SPDX-License-Identifier: Apache-2.0

/// What a program wants done with a packet: the kernel's number, known or not.
///
/// Source: `enum xdp_action`, `include/uapi/linux/bpf.h`. Any other number is handled as
/// `bpf_warn_invalid_xdp_action()` does: counted, warned about once, dropped.
@frozen
public struct Verdict: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  /// The kernel's number.
  public let rawValue: UInt32

  /// A verdict by number.
  @inlinable
  @inline(__always)
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The program failed; the packet is dropped and counted apart.
  @inlinable public static var aborted: Verdict { Verdict(rawValue: 0) }
  /// Drop the packet.
  @inlinable public static var drop: Verdict { Verdict(rawValue: 1) }
  /// Hand the packet to the stack.
  @inlinable public static var pass: Verdict { Verdict(rawValue: 2) }
  /// Send the packet back out of the port it came by.
  @inlinable public static var transmit: Verdict { Verdict(rawValue: 3) }
  /// Hand the packet to another port, CPU or socket.
  @inlinable public static var redirect: Verdict { Verdict(rawValue: 4) }
}

extension Verdict: CustomStringConvertible {
  /// The kernel's name, or the number.
  public var description: String {
    switch rawValue {
    case 0: "XDP_ABORTED"
    case 1: "XDP_DROP"
    case 2: "XDP_PASS"
    case 3: "XDP_TX"
    case 4: "XDP_REDIRECT"
    default: "verdict \(rawValue)"
    }
  }
}
