// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Syscalls
internal import Wire
public import XDPFrame

/// A port between files: packets come out of a capture, and what is sent goes into another.
///
///     in.pcap ──▶ buffers of the model ──▶ receive loop ··· transmit ──▶ queue ──▶ writer ──▶ out.pcapng
///
/// A packet that the input shows coming in and leaving again, as a replay records it, is received once. One for which
/// there is no buffer waits in the file: nothing is lost by reading faster than the datapath works. Transmit copies and never waits for the disk: a
/// ``CaptureSpool`` stands in between, and while that cannot write, everything is refused with
/// ``DropReason/portDown``.
///
/// One thread receives, the model's owner; anybody transmits.
public final class PcapPort: Port, Sendable {
  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  let spool: CaptureSpool?
  let outgoing = Mutex(Outgoing())
  let isClosed = Atomic(false)
  let sent = Atomic<UInt64>(0)
  let refused = Atomic<UInt64>(0)
  private let player: Mutex<Player?>
  private let largestReceived: Int
  private let singleBufferByteCount: Int
  private let registry: MemoryRegistry
  private let info: ReceiveQueueInfo
  private let fault = Mutex<String?>(nil)
  private let hasEnded = Atomic(false)
  /// Never readable: what a loop sleeps on once there is nothing more to receive.
  private let silence: EventFD

  /// The frames of one call on their way home; made once, used under the lock that senders take in turn.
  struct Outgoing: ~Copyable, @unchecked Sendable {
    // Safe: reached under its lock only.
    var home = FrameBulk()
    /// Packets refused since the last that was taken.
    var missing: UInt64 = 0
  }

  /// What to receive.
  public struct Input: Sendable {
    /// Where the capture is, pcap or pcapng.
    public var path: String
    /// Whether packets come when their timestamps say; otherwise as fast as they are asked for.
    public var isPaced: Bool
    /// How often the file is played, 1 or more.
    public var playCount: Int
    /// How packets are laid over buffers.
    public var mode: ReceiveMode

    /// Describes what to receive.
    public init(
      path: String, isPaced: Bool = false, playCount: Int = 1, mode: ReceiveMode = .jumbo
    ) {
      self.path = path
      self.isPaced = isPaced
      self.playCount = playCount
      self.mode = mode
    }
  }

  /// Opens the files.
  ///
  /// - Parameters:
  ///   - name: The operator's name; also the interface's in the output.
  ///   - registry: Where its frames find home.
  ///   - model: What packets are received into; the thread that receives must own it.
  ///   - input: What to receive; nil receives nothing.
  ///   - output: Where to write what is sent, as pcapng; nil refuses everything.
  /// - Throws: ``PortError`` where a file cannot be opened, or the input is a pipe: whoever receives must not wait.
  public init(
    name: String, registry: MemoryRegistry, model: any MemoryModel, input: Input?, output: String?
  ) throws(PortError) {
    self.name = name
    self.registry = registry
    number = registry.takePortNumber()
    // Of a packet whose headers are split off only those are in the first buffer.
    singleBufferByteCount =
      input?.mode == .headerSplit ? Limits.ethernetHeader : model.linearByteCount
    largestReceived =
      switch input?.mode {
      case nil: 0
      case .linear: model.linearByteCount
      case .jumbo, .headerSplit: Limits.packet
      }
    do {
      silence = try EventFD()
      player = Mutex(
        try input.map { input throws(CaptureFileError) in try Player(input, model: model) })
      info = try registry.registerQueue(port: number, queue: 0, memory: model.memory)
    } catch {
      throw PortError("pcap port \(name): \(error)")
    }
    do throws(SystemCallError) {
      spool = try output.map { path throws(SystemCallError) in
        try CaptureSpool(path: path, name: name)
      }
    } catch {
      registry.unregisterQueue(info)
      throw PortError("pcap port \(name): \(error)")
    }
    if input == nil { hasEnded.store(true, ordering: .relaxed) }
  }

  deinit {
    close()
    registry.unregisterQueue(info)
  }

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(kind: "pcap", largestPacket: Limits.packet, sendsFragments: true)
    status.largestReceived = largestReceived
    status.singleBufferByteCount = singleBufferByteCount
    let lost = spool?.lostCount ?? 0
    status.sent = sent.load(ordering: .relaxed) - lost
    status.sendErrors = refused.load(ordering: .relaxed) + lost
    if isClosed.load(ordering: .relaxed) {
      (status.state, status.reason) = (.closed, "it was closed")
    } else if let reason = fault.withLock({ $0 }) ?? spool?.reason {
      (status.state, status.reason) = (.down, reason)
    }
    return status
  }

  /// Whether everything was received that there is to receive.
  public var isFinished: Bool { hasEnded.load(ordering: .acquiring) }

  /// Captures are received by one queue.
  public var queueCount: Int { 1 }

  /// Takes the packets that are due out of the file.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    guard !hasEnded.load(ordering: .relaxed) else { return }
    let outcome = player.withLock {
      $0?.receive(&burst, budget: budget, queue: info, tally: tally)
    }
    switch outcome {
    case .goesOn: return
    case .ended, nil: break
    case .failed(let error): fault.withLock { $0 = error.description }
    }
    hasEnded.store(true, ordering: .releasing)
  }

  /// Nil while the file is played, because a loop must ask; then something that never wakes it.
  public func pollDescriptor(queue: Int) -> Int32? {
    isFinished ? silence.descriptor.raw : nil
  }

  /// There is nothing to look after.
  public func maintain(queue: Int) {}

  /// Receives no more.
  public func detach() { hasEnded.store(true, ordering: .releasing) }

  /// Writes what was sent, and how much of it was, and closes the output.
  ///
  /// Nobody sends any more. What the disk has no room for is counted as not sent.
  public func close() {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    detach()
    let (taken, refused) = (sent.load(ordering: .relaxed), refused.load(ordering: .relaxed))
    spool?.close(
      PCAPNG.statistics(
        interface: 0, time: RealtimeClock.now, received: taken + refused, dropped: refused,
        delivered: taken))
  }
}
