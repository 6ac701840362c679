// SPDX-License-Identifier: Apache-2.0

/// Who carries: takes packets in and sends frames out.
///
/// Every queue is received from by one thread. Anybody may transmit; a port serialises senders or gives each a
/// lane of its own.
public protocol Port: AnyObject, Sendable {
  /// The name the operator gave it.
  var name: String { get }
  /// The number in its datapath, from ``MemoryRegistry/takePortNumber()``.
  var number: UInt32 { get }
  /// What the port can do and how it is.
  var status: PortStatus { get }
  /// How many queues it receives by.
  var queueCount: Int { get }

  /// Receives up to a budget of packets.
  ///
  /// Only the thread that serves the queue may call it. The loop counts what is in the burst as received; the port
  /// counts only what it had to drop before, as received and as dropped.
  ///
  /// - Parameters:
  ///   - burst: Empty; the packets are appended.
  ///   - queue: 0 up to ``queueCount``.
  ///   - budget: The most packets, 1...64.
  ///   - tally: The loop's, where the port counts what it had to drop itself.
  func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally)

  /// Sends frames, in order; returns when the kernel or the peer has them.
  ///
  /// A frame that cannot be sent at all, because it is too long or has fragments, is passed over: those behind it are
  /// sent. Once there is no room, nothing behind is sent either.
  ///
  /// - Parameter frames: Those sent are removed; those left are the caller's to recycle. Each of
  ///   them says why in its ``Descriptor/reason``; see ``FrameBulk/recycle()``.
  /// - Returns: How many were sent.
  ///
  /// Source: `ndo_xdp_xmit`, `include/linux/netdevice.h`.
  func transmit(_ frames: inout FrameBulk) -> Int

  /// A file descriptor that polls readable when packets wait; nil for a port that must be asked.
  func pollDescriptor(queue: Int) -> Int32?

  /// Does what is due now and then: takes back sent buffers, refills, looks after its health.
  ///
  /// Called by the queue's thread, at least every 500 ms.
  func maintain(queue: Int)

  /// Stops packets from coming in: those already received stay to be received, and frames can still be sent.
  ///
  /// Any thread; the beginning of the end, after which the loops receive what is left.
  func detach()
}

extension Port {
  /// A port that brings nothing by itself has nothing to stop.
  public func detach() {}
}

/// What a port can do and how it is.
public struct PortStatus: Equatable, Sendable {
  /// How the port is.
  public enum State: String, Sendable {
    /// Packets flow.
    case up
    /// The interface is down; it may come back.
    case down
    /// The interface does not exist any more; it may come back.
    case gone
    /// The port is closed.
    case closed
  }

  /// How the port is.
  public var state: State
  /// Why it is not up; empty when it is.
  public var reason: String
  /// The kind as in the configuration: `afxdp`, `tap`, `packet`, `memory`.
  public var kind: String
  /// The largest packet that may be sent, Ethernet header included, in octets.
  public var largestPacket: Int
  /// Whether packets with fragments can be sent, `NETDEV_XDP_ACT_NDO_XMIT_SG`.
  public var sendsFragments: Bool
  /// The largest packet that the port's MTU lets come in, Ethernet header included, in octets.
  public var largestReceived: Int
  /// The octets of a packet that one receive buffer holds; a longer one has fragments, or does not come in at all.
  public var singleBufferByteCount: Int
  /// Packets that the kernel dropped before the port saw them.
  public var kernelDropped: UInt64
  /// Descriptors that made no sense, in either direction.
  public var invalidDescriptors: UInt64
  /// Frames sent by anybody, and frames that could not be.
  public var sent: UInt64
  /// Frames that could not be sent.
  public var sendErrors: UInt64

  /// A port that is up and has carried nothing yet.
  public init(kind: String, largestPacket: Int, sendsFragments: Bool) {
    state = .up
    reason = ""
    self.kind = kind
    self.largestPacket = largestPacket
    self.sendsFragments = sendsFragments
    largestReceived = largestPacket
    singleBufferByteCount = largestPacket
    kernelDropped = 0
    invalidDescriptors = 0
    sent = 0
    sendErrors = 0
  }

  /// Whether packets may come in that have fragments.
  public var receivesFragments: Bool { largestReceived > singleBufferByteCount }
}
