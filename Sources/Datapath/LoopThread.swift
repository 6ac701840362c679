// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// A receive loop with its thread and its books.
public final class LoopThread: Sendable {
  /// The port that it serves.
  public let port: any Port
  /// The queue of the port.
  public let queue: Int
  /// The program, exchangeable under traffic.
  public let program: ProgramSlot
  /// The queue's ledger.
  public let tally: Tally
  /// The CPU of its thread; nil leaves that to the scheduler.
  public let cpu: Int?
  private let adopt: @Sendable () -> Void
  private let block: TrustedBlock
  private let hasStarted = Atomic(false)
  private let isStopping = Atomic(false)
  private let thread = Mutex<Thread?>(nil)

  init(
    port: any Port, queue: Int, program: ProgramSlot, block: TrustedBlock, cpu: Int?,
    adopt: @escaping @Sendable () -> Void
  ) {
    self.port = port
    self.queue = queue
    self.program = program
    self.block = block
    self.cpu = cpu
    self.adopt = adopt
    // Safe: the block lives as long as this object.
    unsafe tally = Tally(memory: block.address)
  }

  /// Starts the thread, unless it was started before.
  func start(in datapath: Datapath) throws(SystemCallError) {
    guard !hasStarted.exchange(true, ordering: .relaxed) else { return }
    let cpus = cpu.map { CPUSet([$0]) }
    let started = try Thread(name: "rx/\(port.name)/\(queue)", on: cpus) { [self] in
      adopt()
      let loop = ReceiveLoop(
        port: port, queue: queue, program: program, tally: tally, in: datapath)
      loop.run(until: isStopping, waiting: datapath.parkingMode)
    }
    store(consume started)
  }

  private func store(_ started: consuming Thread) {
    var started = Optional(started)
    thread.withLock { $0 = started.take() }
  }

  func requestStop() {
    isStopping.store(true, ordering: .releasing)
  }

  func join() {
    let running = thread.withLock { $0.take() }
    running?.join()
  }
}
