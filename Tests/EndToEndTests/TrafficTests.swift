// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

extension EndToEnd {
  @Suite struct TrafficTests {
    @Test func everyOneOfAMillionAndAHalfIsAccountedFor() throws {
      try withNetworkNamespaces { pair in
        let rig = try Rig(on: pair, programs: [Count(verdict: .drop), Drop()])
        let traffic = Traffic()
        try traffic.run(1_500_000, on: pair)
        rig.settle()
        let kernelDropped = rig.kernelDropped
        rig.stopAndCheck()
        #expect(traffic.sentCount == 1_500_000)
        #expect(rig.received + kernelDropped == 1_500_000)
        #expect(rig.datapath.entryReports.allSatisfy { $0.offered > 0 })
      }
    }

    @Test func atARateThatTheMachineHoldsNothingIsLostAndOrderIsKept() throws {
      try withNetworkNamespaces { pair in
        let checks = [OrderCheck(), OrderCheck()]
        let rig = try Rig(on: pair, programs: checks)
        let traffic = Traffic(flowCount: 256, byteCounts: [64, 300, 1_514], rate: 40_000)
        try traffic.run(120_000, on: pair)
        rig.settle()
        let kernelDropped = rig.kernelDropped
        rig.stopAndCheck()
        #expect(kernelDropped == 0)
        #expect(checks.reduce(0) { $0 + $1.check.intact } == 120_000)
        #expect(checks.allSatisfy { $0.check.intact > 0 })
        for check in checks {
          #expect(check.check.damaged == 0)
          #expect(check.check.late == 0)
          #expect(check.check.skipped == 0)
        }
      }
    }

    @Test func jumboFramesArriveAsChainsAndGoBackWhole() throws {
      try withNetworkNamespaces(mtu: 9_000) { pair in
        let programs = [JumboReflect(), JumboReflect()]
        let rig = try Rig(on: pair, isMultiBuffer: true, programs: programs)
        let listener = try Listener(on: pair)
        let traffic = Traffic(byteCounts: [9_000], rate: 4_000)
        try traffic.run(20_000, on: pair)
        listener.wait(for: 20_000)
        rig.settle()
        let kernelDropped = rig.kernelDropped
        rig.stopAndCheck()
        listener.stop()
        #expect(kernelDropped == 0)
        #expect(listener.seen.intact == 20_000)
        #expect(listener.seen.damaged == 0)
        #expect(listener.seen.late == 0)
        for program in programs {
          #expect(program.fragmentCounts == [2])
          #expect(program.lengths == [9_000])
        }
      }
    }
  }
}
