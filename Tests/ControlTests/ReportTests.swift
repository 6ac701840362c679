// SPDX-License-Identifier: Apache-2.0

import Control
import Testing

@Suite struct ReportTests {
  @Test func theObjectIsThatOfTheContract() {
    var port = Report.Port(name: "wan", kind: "afxdp")
    port.rx = 3
    port.drop["prog_drop"] = 1
    port.drop["ring_full"] = 0
    port.redirect = 2
    var entry = Report.Entry(id: "w1", cpu: 1)
    entry.programs = [Report.Program(id: "count")]
    let report = Report(
      mode: .afxdp, seconds: 5, ports: [port], entries: [entry],
      pools: [Report.Pool(name: "wan", capacity: 0)])
    let ethtool = EthtoolCounters.Name.allCases.map { "\"\($0.rawValue)\":0" }
    #expect(
      report.json.description == """
        {"mode":"afxdp","seconds":5.0,\
        "ports":[{"name":"wan","kind":"afxdp","state":"up","rx":3,"rx_bytes":0,"rx_kernel_dropped":0,\
        "pass":0,"drop":{"prog_drop":1},"xdp_tx":0,"redirect":2,"aborted":0,\
        "tx":0,"tx_errors":0,"invalid_desc":0,"in_flight":0,\
        "ethtool":{\(ethtool.joined(separator: ","))}}],\
        "entries":[{"id":"w1","cpu":1,"state":"up","qsize":0,"offered":0,"enq":0,"ring_drop":0,"depth":0,\
        "processed":0,"pass":0,"drop":{},"tx":0,"redirect":0,"aborted":0,\
        "wakeups":0,"progs":[{"id":"count","kind":"swift","version":1,"faults":0}]}],\
        "pools":[{"name":"wan","capacity":0,"states":{"free":0,"fill":0,"receive":0,"worker":0,\
        "ring":0,"transmit":0,"completion":0,"held":0,"shared":0,"quarantine":0},\
        "double_free":0,"stale":0,"abandoned":0}],\
        "unaccounted":0}
        """)
  }

  @Test func aReportSurvivesARoundTrip() throws {
    let report = Report.sample
    let again = try Report(json: JSON(parsing: report.json.text))
    #expect(again == report)
    #expect(again.json == report.json)
  }

  @Test func keysOfLaterVersionsAreSkipped() throws {
    guard case .object(var object) = Report.sample.json else { return }
    object["tenants"] = [["role": "worker"]]
    #expect(try Report(json: .object(object)) == .sample)
  }

  @Test func aMissingOrWrongKeyIsNamed() throws {
    for (old, new, path) in [
      (#""seconds":2.0"#, #""seconds":"2""#, "seconds"),
      (#""mode":"afxdp""#, #""mode":"x""#, "mode"),
      (#""rx":100"#, #""rx":-100"#, "ports[0].rx"), (#""rx":100"#, #""r":100"#, "ports[0].rx"),
      (#""prog_drop":5"#, #""prog_drop":null"#, "ports[0].drop.prog_drop"),
      (#""cpu":2"#, #""cpu":"2""#, "entries[1].cpu"),
      (#""free":8"#, #""f":8"#, "pools[0].states.free"),
    ] {
      let text = Report.sample.json.description
      let broken = String(text.replacing(old, with: new))
      #expect(broken != text)
      let error = #expect(throws: JSON.MismatchError.self) {
        try Report(json: JSON(parsing: broken))
      }
      #expect(error?.path == path)
    }
  }

  @Test func anyValueCanBeOfferedAsAReport() throws {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
      #expect(throws: JSON.MismatchError.self) { try Report(json: generator.value(depth: 4)) }
    }
  }
}

@Suite struct DropCountsTests {
  @Test func reasonsComeInTheContractsOrderAndZeroIsAbsent() {
    var counts: DropCounts = ["zz_new": 1, "shutdown": 2, "aa_new": 3, "prog_drop": 4, "mtu": 0]
    #expect(counts.elements.map(\.reason) == ["prog_drop", "shutdown", "aa_new", "zz_new"])
    #expect(counts.total == 10)
    counts.add(["shutdown": 1, "ring_full": 5])
    #expect(counts["shutdown"] == 3)
    #expect(counts["ring_full"] == 5)
    counts["ring_full"] = 0
    #expect(counts == ["zz_new": 1, "shutdown": 3, "aa_new": 3, "prog_drop": 4])
  }

  @Test func thereAreThirtyOneDistinctReasons() {
    #expect(Set(DropCounts.reasons).count == 31)
    #expect(DropCounts.reasons.count == 31)
  }
}

@Suite struct EthtoolCountersTests {
  @Test func theTextIsThatOfEthtool() {
    var counters = EthtoolCounters()
    counters[.receiveDrop] = 12
    counters[.recycleRing] = 3
    #expect(
      counters.text == """
        NIC statistics:
             rx_xdp_redirect: 0
             rx_xdp_pass: 0
             rx_xdp_drop: 12
             rx_xdp_tx: 0
             rx_xdp_tx_errors: 0
             tx_xdp_xmit: 0
             tx_xdp_xmit_errors: 0
             rx_pp_alloc_fast: 0
             rx_pp_alloc_slow: 0
             rx_pp_alloc_slow_ho: 0
             rx_pp_alloc_empty: 0
             rx_pp_alloc_refill: 0
             rx_pp_alloc_waive: 0
             rx_pp_recycle_cached: 0
             rx_pp_recycle_cache_full: 0
             rx_pp_recycle_ring: 3
             rx_pp_recycle_ring_full: 0
             rx_pp_recycle_released_ref: 0

        """)
  }
}

extension Report {
  /// A balanced report with something in every field.
  static var sample: Report {
    var wan = Port(name: "wan", kind: "afxdp")
    wan.rx = 100
    wan.rxKernelDropped = 7
    wan.pass = 10
    wan.drop = ["prog_drop": 5, "no_entry": 1]
    wan.xdpTx = 4
    wan.redirect = 70
    wan.aborted = 2
    wan.tx = 9
    wan.txErrors = 3
    wan.invalidDescriptors = 1
    wan.inFlight = 8
    wan.ethtool[.receiveRedirect] = 70
    wan.ethtool[.recycleReleasedReference] = 6
    let lan = Port(name: "lan", kind: "memory", state: "down", reason: "no carrier")
    var first = Entry(id: "w1", cpu: 1)
    first.queueSize = 2048
    first.offered = 40
    first.enqueued = 38
    first.ringDrop = 2
    first.depth = 8
    first.processed = 30
    first.pass = 10
    first.drop = ["prog_drop": 6]
    first.tx = 5
    first.redirect = 8
    first.aborted = 1
    first.busyNanoseconds = 1_500_000_000
    first.programs = [Program(id: "acl"), Program(id: "count", kind: "ebpf", version: 42)]
    let second = Entry(id: "w2", cpu: 2)
    var pool = Pool(name: "wan", capacity: 64)
    pool[.free] = 8
    pool[.fill] = 32
    pool[.receive] = 8
    pool[.ring] = 8
    pool[.transmit] = 4
    pool[.quarantine] = 4
    pool.doubleFree = 1
    pool.stale = 2
    pool.abandoned = 3
    return Report(
      mode: .afxdp, seconds: 2, ports: [wan, lan], entries: [first, second], pools: [pool])
  }
}
