// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import Testing
import XDPFrame

/// A receive loop that a test drives itself, on its own thread, with the books it keeps.
final class Driver {
  let loop: ReceiveLoop
  let tally: Tally
  let slot: ProgramSlot
  private let block: TrustedBlock

  init(_ program: (any Program)?, on port: any Port, queue: Int = 0, in datapath: Datapath) throws {
    block = try datapath.registry.arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    tally = unsafe Tally(memory: block.address)
    slot = ProgramSlot(program, named: "test", in: datapath.quiescence)
    loop = ReceiveLoop(port: port, queue: queue, program: slot, tally: tally, in: datapath)
  }

  /// Polls until nothing is left.
  func drain() {
    while loop.poll() > 0 {}
  }
}

extension Bench {
  /// Puts packets in and sees them through a loop; answers its books, which balance.
  func run(
    _ program: any Program, packets: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Driver {
    let driver = try Driver(program, on: port, in: datapath)
    try put(packets)
    driver.drain()
    expectBalance(driver.tally, sourceLocation: sourceLocation)
    return driver
  }
}
