// SPDX-License-Identifier: Apache-2.0

import Control
import Testing

@Suite struct ReportLawsTests {
  struct Astray: Sendable {
    let subject: String
    let numbers: String
    let change: @Sendable (inout Report) -> Void

    init(_ subject: String, _ numbers: String, change: @escaping @Sendable (inout Report) -> Void) {
      self.subject = subject
      self.numbers = numbers
      self.change = change
    }
  }

  @Test func aBalancedReportHasNoViolation() {
    #expect(Report.sample.lawViolations().isEmpty)
    #expect(Report.sample.unaccounted == 0)
  }

  /// Every term of every law, changed by one: one sentence and one frame each.
  @Test(arguments: [
    Astray("port wan: ", "101 is not 100, 1 missing") { $0.ports[0].rx += 1 },
    Astray("port wan: ", "100 is not 101, 1 too many") { $0.ports[0].pass += 1 },
    Astray("port wan: ", "100 is not 101") { $0.ports[0].drop["mtu"] += 1 },
    Astray("port wan: ", "100 is not 101") { $0.ports[0].xdpTx += 1 },
    Astray("port wan: ", "100 is not 99, 1 missing") { $0.ports[0].redirect -= 1 },
    Astray("port wan: ", "100 is not 101") { $0.ports[0].aborted += 1 },
    Astray("port wan: ", "100 is not 101") { $0.ports[0].inFlight += 1 },
    Astray("entry w1: offered", "41 is not 40") { $0.entries[0].offered += 1 },
    Astray("entry w1: offered", "40 is not 41") { $0.entries[0].ringDrop += 1 },
    Astray("entry w1: enq", "38 is not 37") { $0.entries[0].depth -= 1 },
    Astray("entry w1: processed", "30 is not 31") { $0.entries[0].pass += 1 },
    Astray("entry w1: processed", "30 is not 31") { $0.entries[0].drop["prog_drop"] += 1 },
    Astray("entry w1: processed", "30 is not 31") { $0.entries[0].tx += 1 },
    Astray("entry w1: processed", "30 is not 31") { $0.entries[0].redirect += 1 },
    Astray("entry w1: processed", "30 is not 31") { $0.entries[0].aborted += 1 },
    Astray("pool wan: capacity", "65 is not 64, 1 missing") { $0.pools[0].capacity += 1 },
    Astray("pool wan: capacity", "64 is not 65, 1 too many") { $0.pools[0][.held] += 1 },
    Astray("pool wan: capacity", "64 is not 63") { $0.pools[0][.quarantine] -= 1 },
  ])
  func oneFrameAstrayIsOneViolation(astray: Astray) {
    var report = Report.sample
    astray.change(&report)
    let sentences = report.lawViolations().map(\.description)
    #expect(sentences.count == 1)
    #expect(sentences.first?.hasPrefix(astray.subject) == true)
    #expect(sentences.first?.contains(astray.numbers) == true)
    #expect(report.unaccounted == 1)
    #expect(report.json["unaccounted"] == 1)
  }

  @Test func countersOutsideTheLawsDoNotMatter() {
    var report = Report.sample
    report.ports[0].rxKernelDropped += 1
    report.ports[0].tx += 1
    report.ports[0].txErrors += 1
    report.ports[0].invalidDescriptors += 1
    report.pools[0].abandoned += 1
    #expect(report.unaccounted == 0)
  }

  @Test func violationsAddUpOverObjects() {
    var report = Report.sample
    report.ports[1].rx = 5
    report.entries[1].enqueued = 7
    report.pools[0][.free] = 0
    #expect(
      report.lawViolations().map(\.description) == [
        "port lan: rx = pass + Σdrop + xdp_tx + redirect + aborted + in_flight does not hold: "
          + "5 is not 0, 5 missing",
        "entry w2: offered = enq + ring_drop does not hold: 0 is not 7, 7 too many",
        "entry w2: enq = processed + depth does not hold: 7 is not 0, 7 missing",
        "pool wan: capacity = Σstates does not hold: 64 is not 56, 8 missing",
      ])
    #expect(report.unaccounted == 27)
  }

  @Test func hostileNumbersDoNotTrap() {
    var report = Report.sample
    report.ports[0].pass = .max
    report.ports[0].redirect = .max
    report.ports[0].drop = ["a": .max, "b": .max]
    report.pools[0][.free] = .max
    #expect(report.unaccounted == .max)
  }
}
