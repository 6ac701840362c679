// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
public import XDPFrame

/// Takes packets from one queue of a port, runs the program, and acts on its verdicts.
///
/// Start reading here.
///
///     port ──▶ burst ──▶ program ──▶ verdicts ──▶ port, stack, map, home      one flush at the end
///
/// One thread drives a loop: the one that calls ``poll(budget:)``, or ``run(until:waiting:)``.
///
/// Source: a driver's NAPI poll, and `bpf_prog_run_xdp()` with the `switch` that follows it in every driver.
@safe
public final class ReceiveLoop {
  let port: any Port
  /// The queue that it serves.
  public let queue: Int
  /// The program, exchangeable under traffic.
  public let program: ProgramSlot
  /// The port's ledger for this queue.
  public let tally: Tally
  let usesRing: Bool
  private let part: Quiescence.Part
  private let quiescence: Quiescence
  // Safe: an allocation of this object, which one thread works on.
  private let work: UnsafeMutablePointer<Work>

  /// Makes a loop over a queue.
  ///
  /// - Parameters:
  ///   - port: The port.
  ///   - queue: Its queue, 0 up to `queueCount`.
  ///   - program: What decides; an empty slot passes every packet.
  ///   - tally: Where the loop counts; nobody else may write it.
  ///   - datapath: What verdicts lead to.
  public init(
    port: any Port, queue: Int, program: ProgramSlot, tally: Tally, in datapath: Datapath
  ) {
    self.port = port
    self.queue = queue
    self.program = program
    self.tally = tally
    usesRing = datapath.usesRing
    quiescence = datapath.quiescence
    part = quiescence.join(holdable: true)
    unsafe work = .allocate(capacity: 1)
    unsafe work.initialize(
      to: Work(
        routes: datapath.routes, tally: tally, receivedBy: datapath.directory.reference(to: port)))
  }

  deinit {
    unsafe work.deinitialize(count: 1)
    unsafe work.deallocate()
    quiescence.leave(part)
  }

  /// Receives up to a budget of packets and sees each to its end.
  ///
  /// - Parameter budget: The most packets, 1...64.
  /// - Returns: How many there were; 0 means that none were waiting.
  /// - Note: Never allocates.
  @discardableResult
  public func poll(budget: Int = Limits.budget) -> Int {
    let work = unsafe work
    unsafe port.receive(&work.pointee.burst, queue: queue, budget: budget, tally: tally)
    let count = unsafe work.pointee.burst.count
    guard count > 0 else { return 0 }
    unsafe countReceived(work.pointee.burst)
    // What others may exchange is only looked at between these two; see ``Quiescence``.
    part.enter()
    if quiescence.isHeld { waitUntilReleased() }
    let decided = unsafe program.run(&work.pointee.burst)
    unsafe work.pointee.outcomes.act(on: &work.pointee.burst, decided: decided)
    part.exit()
    return count
  }

  /// Steps back until several changes that must look like one are done; see ``Change``.
  @inline(never)
  private func waitUntilReleased() {
    while quiescence.isHeld {
      part.exit()
      while quiescence.isHeld { clinux_pause() }
      part.enter()
    }
  }

  @inline(__always)
  private func countReceived(_ burst: borrowing Burst) {
    let count = burst.count
    var byteCount = 0
    var position = 0
    while position < count {
      byteCount &+= burst[position].byteCount
      position &+= 1
    }
    tally.add(1, to: .bursts)
    tally.add(count, to: .received)
    tally.add(byteCount, to: .receivedBytes)
  }
}
