// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

// What a test or an embedder does, standing where the wire would be.
extension MemoryPort {
  /// Puts a packet in, as if a wire had brought it; any thread.
  ///
  /// - Parameters:
  ///   - frame: Of the port's own registry.
  ///   - queue: 0 up to ``queueCount``.
  /// - Returns: nil, or the frame handed back because the queue is full or the port detached.
  public func put(_ frame: consuming Frame, queue: Int = 0) -> Frame? {
    guard !isDetached.load(ordering: .acquiring) else { return frame }
    let queue = queues.queues[queue]
    frame.descriptor.queueNumber = queue.info.number
    return queue.frames.enqueue(frame)
  }

  /// Puts a packet in as octets, to be received into the queue's own model; any thread.
  ///
  /// - Parameters:
  ///   - octets: The packet, Ethernet header included; 1...73152 octets.
  ///   - queue: 0 up to ``queueCount``.
  /// - Returns: Whether there was room; false too when the port is detached, or the length impossible.
  /// - Precondition: The port was made with a model for each queue.
  public func put(_ octets: UnsafeRawBufferPointer, queue: Int = 0) -> Bool {
    guard let wire = queues.queues[queue].octets else {
      preconditionFailure("This memory port has no model to receive octets into.")
    }
    guard !isDetached.load(ordering: .acquiring), (1...Limits.packet).contains(octets.count) else {
      return false
    }
    return unsafe wire.put(octets)
  }

  /// Puts a packet in as octets, to be received into the queue's own model; any thread.
  ///
  /// - Parameters:
  ///   - octets: The packet, Ethernet header included; 1...73152 octets.
  ///   - queue: 0 up to ``queueCount``.
  /// - Returns: Whether there was room; false too when the port is detached, or the length impossible.
  /// - Precondition: The port was made with a model for each queue.
  public func put(_ octets: [UInt8], queue: Int = 0) -> Bool {
    unsafe octets.withUnsafeBytes { unsafe put($0, queue: queue) }
  }

  /// Takes out a frame that was sent; one thread at a time.
  public func takeSent() -> Frame? {
    out.dequeue()
  }

  /// The frames sent and not yet taken out.
  public var sentCount: Int { out.count }
}
