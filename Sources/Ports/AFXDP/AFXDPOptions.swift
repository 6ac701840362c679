// SPDX-License-Identifier: Apache-2.0

internal import MemModels
internal import XDPFrame

/// How an AF_XDP port is to be set up; what is left alone suits a network card and a veth alike.
public struct AFXDPOptions: Equatable, Sendable {
  /// Whether the driver writes into our memory itself.
  public enum Mode: String, CaseIterable, Sendable {
    /// Zero-copy where the driver can, copies otherwise.
    case automatic
    /// The kernel copies every packet; works with every driver.
    case copy
    /// Zero-copy, or the port cannot be made.
    case zeroCopy
  }

  /// Where in the kernel the program runs.
  public enum Attachment: String, CaseIterable, Sendable {
    /// In the driver where it can, otherwise generically.
    case automatic
    /// In the driver, or the port cannot be made.
    case native
    /// On socket buffers, slower; works with every driver.
    case generic
  }

  /// What becomes of packets on queues that no socket of ours serves, also while we are restarting.
  public enum Fallback: String, CaseIterable, Sendable {
    /// They go to the kernel's stack: an interface without us works as if we did not exist.
    case pass
    /// They are dropped.
    case drop
  }

  /// Whether the driver writes into our memory itself.
  public var mode = Mode.automatic
  /// Where in the kernel the program runs.
  public var attachment = Attachment.automatic
  /// What becomes of packets on queues that no socket of ours serves.
  public var fallback = Fallback.pass
  /// Whether packets may span several chunks, `XDP_USE_SG`; needed when the MTU exceeds a chunk.
  public var isMultiBuffer = false
  /// Whether the headers of a packet are received into a chunk of their own; see ``ReceiveMode/headerSplit``.
  ///
  /// The kernel does not split, so the queue's thread copies the headers; the payload stays where the kernel put it.
  /// Needs ``isMultiBuffer``, because such packets have several chunks when they are sent.
  public var splitsHeaders = false
  /// Whether the kernel says when it wants to be called, `XDP_USE_NEED_WAKEUP`.
  public var usesWakeup = true
  /// Descriptors of the receive ring; a power of two, 32 or more.
  public var receiveRingCapacity = 2_048
  /// Descriptors of the fill ring; a power of two, 32 or more.
  public var fillRingCapacity = 2_048
  /// Descriptors of the transmit ring; a power of two, 32 or more.
  public var transmitRingCapacity = 2_048
  /// Descriptors of the completion ring; a power of two, no less than the transmit ring's.
  public var completionRingCapacity = 2_048
  /// Chunks of each queue that packets are received into, 1...16384: what the rings hold, and what is on its way.
  public var receiveChunkCount = 8_192
  /// Chunks of each queue that frames from other memory are copied into to be sent, 1...16384.
  public var copyChunkCount = 1_024

  /// The options as they stand above.
  public init() {}

  /// The chunks that a UMEM needs for a port.
  ///
  /// - Parameter queueCount: How many queues of the interface the port serves.
  /// - Returns: Those of all queues, for receiving and for copies.
  public func chunkCount(queueCount: Int) -> Int {
    queueCount * (receiveChunkCount + copyChunkCount)
  }

  func check() throws(AFXDPError) {
    guard isMultiBuffer || !splitsHeaders else {
      throw .option("isMultiBuffer", 0, allowed: "1 where headers are split from their payload")
    }
    let rings = [
      ("receiveRingCapacity", receiveRingCapacity), ("fillRingCapacity", fillRingCapacity),
      ("transmitRingCapacity", transmitRingCapacity),
      ("completionRingCapacity", completionRingCapacity),
    ]
    for (name, value) in rings where !(32...1 << 16 ~= value && value.nonzeroBitCount == 1) {
      throw .option(name, value, allowed: "a power of two, 32...65536")
    }
    guard completionRingCapacity >= transmitRingCapacity else {
      throw .option(
        "completionRingCapacity", completionRingCapacity,
        allowed: "no less than transmitRingCapacity, \(transmitRingCapacity)")
    }
    for (name, value) in [
      ("receiveChunkCount", receiveChunkCount), ("copyChunkCount", copyChunkCount),
    ] where !(1...XSKPool.largestChunkCount ~= value) {
      throw .option(name, value, allowed: "1...\(XSKPool.largestChunkCount)")
    }
  }
}
