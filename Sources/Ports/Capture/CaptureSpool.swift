// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Syscalls
internal import Wire
internal import XDPFrame

/// What stands between a datapath and a file: frames are copied into a bounded queue, and a thread of its own writes
/// them, so that a slow or full disk keeps nobody waiting.
///
///     any thread ──▶ put ──▶ queue of blocks ──▶ thread "pcap" ──▶ file
///
/// While the file cannot be written the spool takes nothing; what it took before is written once that is possible. At
/// the end, what still cannot be written is given up and counted, and the file is cut behind its last whole block.
///
/// The writer says that it sleeps, fences, and looks once more for work (A); a producer publishes, fences, and looks
/// whether the writer sleeps (B). Without either fence the writer could sleep on its work, for ``longestSleep``.
final class CaptureSpool: Sendable {
  private let queue = OctetQueue(byteCount: CaptureSpool.byteCount)
  private let event: EventFD
  private let isSleeping = Atomic(false)
  private let isStopping = Atomic(false)
  private let obstacle = Mutex<String?>(nil)
  private let isBlocked = Atomic(false)
  private let lost = Atomic<UInt64>(0)
  private let thread = Mutex<Thread?>(nil)

  /// The octets that wait at most for the writer.
  private static let byteCount = 4 << 20
  private static let longestSleep = Duration.milliseconds(500)
  /// How long a file that could not be written is left alone.
  private static let retryPeriod = Duration.milliseconds(100)

  /// Makes the file, writes its beginning, and starts the thread.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - name: The interface's name in the file.
  /// - Throws: What the kernel answers.
  init(path: String, name: String) throws(SystemCallError) {
    event = try EventFD()
    var output = try CaptureOutput(path: path)
    let head = PCAPNG.sectionHeader(application: "cpumapd") + PCAPNG.interface(name: name)
    unsafe head.withUnsafeBytes { unsafe output.append($0) }
    let handed = Handed(output)
    let started = try Thread(name: "pcap/\(name)") { [self] in
      guard var output = handed.take() else { return }
      run(&output)
    }
    keep(started)
  }

  /// The file on its way to the thread that writes it.
  private final class Handed: Sendable {
    private let output: Mutex<CaptureOutput?>
    init(_ output: consuming sending CaptureOutput) { self.output = Mutex(output) }
    func take() -> sending CaptureOutput? { output.withLock { $0.take() } }
  }

  private func keep(_ started: consuming Thread) {
    var started = Optional(started)
    thread.withLock { $0 = started.take() }
  }
}

// MARK: - The producers' side

extension CaptureSpool {
  /// Why the file cannot be written now; nil when it can.
  var reason: String? { obstacle.withLock { $0 } }

  /// Whether the file cannot be written now.
  var isFull: Bool { isBlocked.load(ordering: .relaxed) }

  /// The packets that were taken and could not be written in the end.
  var lostCount: UInt64 { lost.load(ordering: .relaxed) }

  /// Takes a packet; any thread.
  ///
  /// - Returns: Whether there was room.
  func put(_ packet: borrowing PCAPNG.Packet, of descriptor: Descriptor) -> Bool {
    unsafe queue.put(byteCount: packet.byteCount) { memory in
      unsafe packet.write(into: memory) { unsafe descriptor.copyOctets(to: $0) }
    }
  }

  /// Wakes the writer if it sleeps; called once behind several packets.
  func wake() {
    atomicMemoryFence(ordering: .sequentiallyConsistent)  // (B)
    if isSleeping.load(ordering: .relaxed), isSleeping.exchange(false, ordering: .relaxed) {
      event.signal()
    }
  }

  /// Writes what was taken, and what else is to stand at the end, and ends; nobody puts anything in any more.
  func close(_ last: [UInt8]) {
    _ = unsafe last.withUnsafeBytes { unsafe queue.put($0) }
    isStopping.store(true, ordering: .releasing)
    event.signal()
    let running = thread.withLock { $0.take() }
    running?.join()
  }
}

// MARK: - The writer's side

extension CaptureSpool {
  private func run(_ output: inout CaptureOutput) {
    while true {
      let isLast = isStopping.load(ordering: .acquiring)
      let moved = move(into: &output)
      if output.isFlushed {
        guard moved || !isLast else { return }
        if !moved { sleep() }
      } else if !flush(&output) {
        if isLast { return giveUp(&output) }
        // The end wakes it from this sleep, too.
        wait(CaptureSpool.retryPeriod)
      }
    }
  }

  /// Moves blocks from the queue into the buffer; answers whether there were any.
  private func move(into output: inout CaptureOutput) -> Bool {
    var moved = false
    while let block = unsafe queue.first(), block.count <= output.room {
      unsafe output.append(block)
      queue.removeFirst()
      moved = true
    }
    return moved
  }

  /// Writes the buffer; answers whether the file took it.
  private func flush(_ output: inout CaptureOutput) -> Bool {
    do throws(SystemCallError) {
      try output.flush()
      report(nil)
      return output.isFlushed
    } catch {
      report(error.description)
      return false
    }
  }

  private func report(_ reason: String?) {
    guard reason != nil || isFull else { return }
    obstacle.withLock { $0 = reason }
    isBlocked.store(reason != nil, ordering: .relaxed)
  }

  private func sleep() {
    isSleeping.store(true, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)  // (A)
    if unsafe queue.first() == nil, !isStopping.load(ordering: .acquiring) {
      wait(CaptureSpool.longestSleep)
    }
    isSleeping.store(false, ordering: .relaxed)
  }

  private func wait(_ duration: Duration) {
    _ = try? Poll.wait(event.descriptor.raw, for: .readable, timeout: duration)
    event.drain()
  }

  /// Counts what is left and cuts the file.
  private func giveUp(_ output: inout CaptureOutput) {
    var count = output.discard()
    while unsafe queue.first() != nil {
      queue.removeFirst()
      count += 1
    }
    lost.wrappingAdd(UInt64(count), ordering: .relaxed)
  }
}
