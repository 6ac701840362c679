// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Something that happened to an interface.
public struct InterfaceEvent: Hashable, Sendable {
  /// What happened.
  public enum Change: Hashable, Sendable {
    /// It appeared, or something about it is different now.
    case changed
    /// It is gone.
    case removed
    /// It went to another namespace, where it has this number; 0 where the kernel does not say.
    case moved(indexAfterMove: UInt32)
  }

  /// What happened.
  public let change: Change
  /// The interface as it is now, or was at the end.
  public let state: InterfaceState

  /// The interface's number.
  public var index: UInt32 { state.index }
  /// The interface's name.
  public var name: String { state.name }
  /// Whether it is there and an administrator wants it up.
  public var isUp: Bool { change == .changed && state.isUp }

  /// Reads what a socket that listens to link messages has received.
  ///
  /// A pure function that takes any octets: what it cannot read it leaves out.
  public static func events(in bytes: borrowing RawSpan) -> [InterfaceEvent] {
    var events: [InterfaceEvent] = []
    var cursor = NetlinkCursor(0..<bytes.byteCount)
    while let message = cursor.nextMessage(in: bytes) {
      guard let state = InterfaceState(message.payload, in: bytes) else { continue }
      switch Int(message.type) {
      case RTM_NEWLINK: events.append(InterfaceEvent(change: .changed, state: state))
      case RTM_DELLINK: events.append(InterfaceEvent(change: end(of: state), state: state))
      default: continue
      }
    }
    return events
  }

  private static func end(of state: InterfaceState) -> Change {
    state.indexAfterMove == 0 ? .removed : .moved(indexAfterMove: state.indexAfterMove)
  }
}

/// Hears of interfaces that come, change, move and go in one network namespace.
///
/// One thread at a time. Wait for `descriptor` to be readable, then `read()`.
public struct InterfaceMonitor: ~Copyable {
  private var netlink: NetlinkSocket

  /// What has been heard.
  public struct Batch: Sendable {
    /// In the order in which it happened.
    public var events: [InterfaceEvent] = []
    /// Whether the kernel had to drop some: look at all interfaces anew with `Interface.all()`.
    public var hasLost = false
  }

  /// Begins to listen in the calling thread's namespace.
  public init() throws(SystemCallError) {
    netlink = try NetlinkSocket(groups: UInt32(RTMGRP_LINK), nonblocking: true)
  }

  /// The number of the socket, readable when there is something to hear.
  public var descriptor: RawDescriptor { netlink.socket.raw }

  /// Takes everything that has happened since this was last called; never blocks.
  public mutating func read() throws(SystemCallError) -> Batch {
    var batch = Batch()
    while true {
      do {
        guard let received = try netlink.receive() else { return batch }
        // Safe: any octets may be looked at as octets.
        batch.events += InterfaceEvent.events(in: unsafe received.span.bytes)
      } catch {
        if error.errno != .noBufferSpace { throw error }
        batch.hasLost = true
      }
    }
  }
}
