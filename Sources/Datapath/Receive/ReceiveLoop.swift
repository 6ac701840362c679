// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// Takes packets from one queue of a port, runs the program, and acts on its verdicts.
///
/// Start reading here.
///
///     port ──▶ burst ──▶ program ──▶ verdicts ──▶ port, stack, map, home      one flush at the end
///
/// One thread drives a loop: the one that calls ``poll(budget:)``, or ``run(until:)``.
///
/// Source: a driver's NAPI poll, and `bpf_prog_run_xdp()` with the `switch` that follows it in every driver.
public final class ReceiveLoop {
  let port: any Port
  /// The queue that it serves.
  public let queue: Int
  /// The program, exchangeable under traffic.
  public let program: ProgramSlot
  /// The port's ledger for this queue.
  public let tally: Tally
  private let part: Quiescence.Part
  private let quiescence: Quiescence
  private var burst = Burst()
  private var outcomes: Outcomes

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
    quiescence = datapath.quiescence
    part = quiescence.join()
    outcomes = Outcomes(routes: datapath.routes, tally: tally, owner: .receive)
  }

  deinit {
    quiescence.leave(part)
  }

  /// Receives up to a budget of packets and sees each to its end.
  ///
  /// - Parameter budget: The most packets, 1...64.
  /// - Returns: How many there were; 0 means that none were waiting.
  /// - Note: Never allocates.
  @discardableResult
  public func poll(budget: Int = Limits.budget) -> Int {
    part.enter()
    defer { part.exit() }
    port.receive(&burst, queue: queue, budget: budget, tally: tally)
    let count = burst.count
    guard count > 0 else { return 0 }
    countReceived(count)
    program.run(&burst)
    outcomes.act(on: &burst, receivedBy: port)
    return count
  }

  private func countReceived(_ count: Int) {
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
