// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Syscalls
public import Testing

/// Two network namespaces joined by a cable, for a test.
///
///     namespace a                namespace b
///     ┌──────────┐               ┌──────────┐
///     │  "left"  ├───── veth ────┤ "right"  │
///     └──────────┘               └──────────┘
///
/// Both ends are up, leave checksums and segmentation to software, and say nothing on their own (no IPv6). Neither
/// namespace has a name, so nothing outlives the process, whatever becomes of the test.
public struct NamespacePair: ~Copyable, Sendable {
  /// Where the interface `left` is.
  public let a: NetworkNamespace
  /// Where the interface `right` is.
  public let b: NetworkNamespace
  /// The interface in namespace `a`.
  public let left: Interface
  /// The interface in namespace `b`.
  public let right: Interface
  private let cable: VethPair

  /// Creates both namespaces and the cable.
  public init(mtu: UInt32 = 1500, queueCount: UInt32 = 1) throws {
    let (a, b) = (try NetworkNamespace.anonymous(), try NetworkNamespace.anonymous())
    for namespace in [a, b] { try namespace.disableIPv6() }
    let cable = try VethPair("left", in: a, peer: "right", in: b, queueCount: queueCount, mtu: mtu)
    try NamespacePair.quieten(cable.first, in: a)
    try NamespacePair.quieten(cable.second, in: b)
    (self.a, self.b) = (a, b)
    (left, right) = (cable.first, cable.second)
    self.cable = cable
  }

  private static func quieten(_ interface: Interface, in namespace: NetworkNamespace) throws {
    try namespace.run {
      for offload in [Offload.transmitChecksum, .tcpSegmentation, .genericSegmentation] {
        try interface.setOffload(offload, false)
      }
    }
  }
}

/// Runs a test with two fresh namespaces joined by a cable, and removes them however it ends.
///
/// Inside, `pair.a.run { }` runs on the calling thread within namespace `a`; the test's expectations work there.
/// Sockets opened and threads started within stay in the namespace.
///
/// - Parameters:
///   - mtu: The octets of the largest packet without the Ethernet header; 68...65535.
///   - queueCount: The receive and the transmit queues of each end.
///   - body: The test.
/// - Returns: What the closure returns.
/// - Throws: A `SystemCallError` if there are no namespaces to be had, or what the closure throws.
public func withNetworkNamespaces<Result: ~Copyable>(
  mtu: UInt32 = 1500, queueCount: UInt32 = 1,
  _ body: (borrowing NamespacePair) throws -> Result
) throws -> Result {
  let pair = try NamespacePair(mtu: mtu, queueCount: queueCount)
  return try body(pair)
}

/// Whether this machine lets the tests make network namespaces, and why not.
public enum NetworkNamespaceSupport {
  /// nil if it does; found out once, by making one.
  public static let obstacle: String? = {
    do {
      _ = try NetworkNamespace.anonymous()
      return nil
    } catch {
      return "network namespaces cannot be made here: \(error)"
    }
  }()
}

/// Whether a test that cannot run here is a failure: `CI=true` says that everything must run.
public let skippingIsFailure: Bool =
  unsafe getenv("CI").map { unsafe String(cString: $0) } == "true"

extension Trait where Self == ConditionTrait {
  /// Skips the test, visibly, where network namespaces cannot be made; with `CI=true` it runs, and fails.
  public static var requiresNetworkNamespaces: Self {
    .enabled(
      if: NetworkNamespaceSupport.obstacle == nil || skippingIsFailure,
      Comment(rawValue: NetworkNamespaceSupport.obstacle ?? "network namespaces can be made"))
  }
}
