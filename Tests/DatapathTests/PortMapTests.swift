// SPDX-License-Identifier: Apache-2.0

import Datapath
import Ports
import Testing
import XDPFrame

/// Redirects to ports by their numbers.
@Suite struct PortMapTests {
  private func target(_ number: UInt32) -> RedirectTarget {
    RedirectTarget(map: Datapath.portMapNumber, key: number)
  }

  @Test func everyPortThatWasAddedIsFoundByItsNumber() throws {
    let bench = try Bench()
    let devices = (0..<3).map { RecordingPort("device \($0)", registry: bench.registry) }
    for device in devices {
      bench.datapath.add(device)
      bench.datapath.add(device)
    }
    for device in devices {
      let driver = try bench.run(
        Scripted([.redirect], target: target(device.number)), packets: 20)
      #expect(driver.tally[.redirect] == 20)
      #expect(device.bulkCounts == [16, 4])
    }
    bench.expectAllHome()
  }

  @Test func aPortThatIsNotThereIsNamedSo() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    bench.datapath.add(device)
    bench.datapath.remove(device)
    for number in [device.number, 0, 9_999, .max] {
      let driver = try bench.run(Scripted([.redirect], target: target(number)), packets: 70)
      #expect(driver.tally[DropReason.redirectNoPort] == 70)
    }
    #expect(device.marks.isEmpty)
    bench.expectAllHome()
  }

  /// Not even a verdict for a miss, as in `bpf_redirect()`.
  @Test(arguments: [1, 2, 8, 16] as [UInt16])
  func flagsAbort(flags: UInt16) throws {
    let bench = try Bench()
    var target = target(bench.port.number)
    target.flags = RedirectFlags(rawValue: flags)
    let driver = try bench.run(Scripted([.redirect], target: target), packets: 10)
    #expect(driver.tally[.aborted] == 10)
    bench.expectAllHome()
  }
}
