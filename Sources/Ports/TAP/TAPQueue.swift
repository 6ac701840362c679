// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import Synchronization
internal import Syscalls
internal import XDPFrame

/// One queue of a TAP port: the kernel's packets in, frames of any thread out.
///
/// The number of its file stays the same for life; what it stands for is exchanged when the interface comes back.
@safe
final class TAPQueue: Sendable {
  let info: ReceiveQueueInfo
  let device: TAPDevice
  /// Readable while packets wait, and silent while the interface is gone.
  let poll: Epoll
  let lane: Mutex<TAPLane>
  /// Whether the kernel answered in a way that says the interface is down or gone.
  let isSuspect = Atomic(false)
  /// When the interface is to be looked at next, in nanoseconds of the monotonic clock; the queue's thread.
  let nextCheck = Atomic<UInt64>(0)
  /// What is run on packets before anybody else sees them.
  private let filter = Mutex<DequeueFilter?>(nil)
  private let isFiltered = Atomic(false)
  // Safe: an allocation of this object, which the queue's thread alone works on.
  nonisolated(unsafe) let receiver: UnsafeMutablePointer<TAPReceiver>

  /// Makes a queue of an attached device.
  ///
  /// - Parameters:
  ///   - device: The attached device.
  ///   - info: What its packets carry.
  ///   - model: Where their buffers come from.
  ///   - longest: Octets of the longest packet that may come.
  ///   - options: The port's.
  /// - Throws: When there is no epoll to be had.
  init(
    _ device: consuming TAPDevice, info: ReceiveQueueInfo, model: any MemoryModel, longest: Int,
    _ options: TAPOptions
  ) throws(SystemCallError) {
    let poll = try Epoll()
    try poll.add(device.descriptor.raw, for: .readable, token: 0)
    self.poll = poll
    self.device = device
    self.info = info
    let hasHeader = options.offload != .none
    let memory = unsafe options.registersMemory ? model.segment?.octets : nil
    lane = unsafe Mutex(
      TAPLane(hasHeader: hasHeader, memory: memory, usesRing: options.usesRing))
    unsafe receiver = .allocate(capacity: 1)
    unsafe receiver.initialize(
      to: TAPReceiver(
        info: info, model: model, longest: longest, hasHeader: hasHeader, options))
  }

  deinit {
    unsafe receiver.deinitialize(count: 1)
    unsafe receiver.deallocate()
  }

  /// Receives up to a budget of packets; the queue's thread.
  func receive(_ burst: inout Burst, budget: Int, tally: Tally) {
    let failure = unsafe receiver.pointee.receive(
      &burst, budget: budget, from: device.descriptor.raw, tally)
    if failure != nil { isSuspect.store(true, ordering: .relaxed) }
    if burst.count > 0, isFiltered.load(ordering: .acquiring) { runFilter(&burst, tally) }
  }

  @inline(never)
  private func runFilter(_ burst: inout Burst, _ tally: Tally) {
    filter.withLock { filter in
      filter?.run(on: &burst, tally: tally) { transmit(&$0, largestPacket: Limits.packet) }
    }
  }

  /// Exchanges what is run on packets before anybody else sees them; any thread.
  func setFilter(_ program: (any Program & Sendable)?) {
    filter.withLock { $0 = program.map { DequeueFilter($0) } }
    isFiltered.store(program != nil, ordering: .releasing)
  }

  /// Sends frames; any thread.
  func transmit(_ frames: inout FrameBulk, largestPacket: Int) -> Int {
    let file = device.descriptor.raw
    let (sent, failure) = lane.withLock {
      $0.transmit(&frames, to: file, largestPacket: largestPacket)
    }
    if failure == .ioError || failure == .badFileDescriptorState {
      isSuspect.store(true, ordering: .relaxed)
    }
    return sent
  }
}

extension Segment {
  /// The whole segment.
  var octets: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: address, count: Int(byteCount))
  }
}
