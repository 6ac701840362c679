// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

extension MemoryPort {
  /// Makes two ports back to back, as a veth pair: what one sends the other receives.
  ///
  /// - Parameters:
  ///   - first: The name of the one.
  ///   - second: The name of the other.
  ///   - registry: Where their frames find home.
  ///   - queueCount: Receive queues of each, 1...1023.
  ///   - capacity: Frames that each queue may hold; 1...16384.
  ///   - mtu: The largest packet that may be sent, without its Ethernet header, in octets.
  /// - Returns: The two, joined; ``part()`` or ``close()`` one of them in the end, or they keep each other alive.
  /// - Throws: ``PortError`` for impossible numbers, or when there is no memory for them.
  public static func pair(
    _ first: String, _ second: String, registry: MemoryRegistry, queueCount: Int = 1,
    capacity: Int = 1_024, mtu: Int = 1_500
  ) throws(PortError) -> (MemoryPort, MemoryPort) {
    let one = try MemoryPort(
      name: first, registry: registry, queueCount: queueCount, capacity: capacity, mtu: mtu)
    let other = try MemoryPort(
      name: second, registry: registry, queueCount: queueCount, capacity: capacity, mtu: mtu)
    join(one, other)
    return (one, other)
  }

  /// Joins two ports: what one sends the other receives.
  ///
  /// By which of its queues depends on the sending thread, so that the frames of one thread stay in order.
  ///
  /// - Precondition: They are two, joined to no other, and belong to the same registry: a frame's slot means nothing
  ///   in another arena.
  ///
  /// Source: `veth_select_rxq()`, `drivers/net/veth.c`.
  public static func join(_ first: MemoryPort, _ second: MemoryPort) {
    precondition(first !== second, "A port is joined to another one.")
    precondition(first.registry === second.registry, "Joined ports belong to one registry.")
    first.link(to: second)
    second.link(to: first)
  }

  private func link(to other: MemoryPort) {
    unsafe peer.withLock {
      unsafe precondition($0 == nil, "A port is joined to one other.")
      unsafe $0 = .passRetained(other)
    }
  }

  /// Parts two joined ports again, so that both can go; once it returns neither puts anything into the other.
  public func part() {
    guard let other = unlink() else { return }
    _ = other.unlink()
  }

  private func unlink() -> MemoryPort? {
    unsafe peer.withLock { unsafe $0.take() }?.takeRetainedValue()
  }
}
