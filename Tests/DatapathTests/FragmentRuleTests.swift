// SPDX-License-Identifier: Apache-2.0

import CLinux
import Datapath
import MemModels
import Ports
import Synchronization
import Testing
import XDPFrame

/// Who may run where packets may have fragments.
@Suite struct FragmentRuleTests {
  /// The kernel's figures for a veth: 3,506 octets and their header fit a page, 3,507 do not.
  @Test(arguments: [(3_506, nil), (3_507, ERANGE), (9_000, ERANGE)])
  func aPortWhosePacketsDoNotFitABufferRefusesAPlainProgram(mtu: Int, errno: Int32?) throws {
    let bench = try Bench()
    let port = try MemoryPort(name: "wan", registry: bench.registry, mtu: mtu)
    expectErrno(errno) { () throws(MapError) in
      try bench.datapath.addLoop(port: port, queue: 0, program: Plain(), named: "plain")
    }
    #expect(bench.datapath.loops.count == (errno == nil ? 1 : 0))
    let loop = try bench.datapath.addLoop(port: port, queue: 0, program: Drops(), named: "drops")
    expectErrno(errno) { () throws(MapError) in
      try loop.program.replace(with: Plain(), named: "plain")
    }
    #expect(loop.program.label?.name == (errno == nil ? "plain" : "drops"))
  }

  @Test func theRefusalSaysWhatDoesNotFit() throws {
    let bench = try Bench()
    let port = try MemoryPort(name: "wan", registry: bench.registry, mtu: 9_000)
    let error = try #require(throws: MapError.self) {
      try bench.datapath.addLoop(port: port, queue: 0, program: Plain(), named: "nat")
    }
    #expect(
      error.description == """
        port wan: nat does not accept fragments, and packets of up to 9014 octets do not fit a \
        buffer that holds 3520: Numerical result out of range
        """)
  }

  /// However a packet with fragments gets there.
  @Test func aPlainProgramMeetsNoFragments() throws {
    let bench = try Bench()
    let plain = Plain()
    let driver = try Driver(plain, on: bench.port, in: bench.datapath)
    for mark in 0..<64 {
      bench.put(try bench.packet(UInt32(mark), fragmentCount: mark % 5 == 4 ? 3 : 0))
    }
    driver.drain()
    expectBalance(driver.tally)
    #expect(driver.tally[DropReason.tooManyFragments] == 12)
    #expect(driver.tally[DropReason.programDrop] == 52)
    #expect(plain.marks == (0..<64).filter { $0 % 5 != 4 })
    bench.expectAllHome()
  }

  @Test func aBurstOfFragmentsAloneIsNotShownAtAll() throws {
    let bench = try Bench()
    let plain = Plain()
    let driver = try Driver(plain, on: bench.port, in: bench.datapath)
    for mark in 0..<8 { bench.put(try bench.packet(UInt32(mark), fragmentCount: 1)) }
    driver.drain()
    expectBalance(driver.tally)
    #expect(driver.tally[DropReason.tooManyFragments] == 8)
    #expect(plain.callCount == 0)
    bench.expectAllHome()
  }

  @Test func aWorkersProgramIsKeptFromFragmentsToo() throws {
    let bench = try Bench()
    let plain = Plain()
    let entry = try bench.datapath.cpuMap.update(0, value("w0", program: plain))
    let toFirst = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
    let driver = try Driver(
      Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
    for mark in 0..<30 {
      bench.put(try bench.packet(UInt32(mark), fragmentCount: mark % 3 == 0 ? 1 : 0))
    }
    driver.drain()
    expectErrno(ENOMEM) { () throws(MapError) in
      try entry.program.replace(with: Drops(), named: "drops")
    }
    bench.datapath.stop()
    let report = try #require(bench.datapath.entryReports.first)
    expectBalance(report)
    #expect(report.drops == [.programDrop: 20, .tooManyFragments: 10])
    #expect(plain.marks == (0..<30).filter { $0 % 3 != 0 })
    bench.expectAllHome()
  }
}

/// Accepts no fragments, remembers the marks that it saw, drops.
private final class Plain: Program, @unchecked Sendable {
  // Safe: run by one thread, and read when that is done.
  private(set) var marks: [UInt32] = []
  private(set) var callCount = 0
  let acceptsFragments = false

  func run(_ burst: inout Burst) {
    callCount += 1
    for position in 0..<burst.count {
      let hasFragments = burst[position].hasFragments
      #expect(!hasFragments)
      marks.append(unsafe burst[position].data.load(as: UInt32.self))
    }
    burst.setAll(.drop)
  }
}

private final class Drops: Program, Sendable {
  func run(_ burst: inout Burst) { burst.setAll(.drop) }
}
