// SPDX-License-Identifier: Apache-2.0

import Control
import Testing

@Suite struct FigureTests {
  @Test(
    arguments: [
      (0, "0"), (1, "1"), (999, "999"), (999.4, "999"), (999.6, "1.00k"), (1000, "1.00k"),
      (1234, "1.23k"), (9994, "9.99k"), (9996, "10.0k"), (61_200, "61.2k"), (99_960, "100k"),
      (612_000, "612k"), (999_600, "1.00M"), (1_840_000, "1.84M"), (11.2e9, "11.2G"),
      (1e18, "1.00E"),
      (-1, "-"), (.nan, "-"), (.infinity, "-"),
    ] as [(Double, String)])
  func shortFiguresKeepThreeDigits(value: Double, text: String) {
    #expect(Figure.short(value) == text)
  }

  @Test func fixedFiguresRound() {
    #expect(Figure.fixed(1.005, digits: 1) == "1.0")
    #expect(Figure.fixed(-0.04, digits: 1) == "0.0")
    #expect(Figure.fixed(-12.36, digits: 1) == "-12.4")
    #expect(Figure.fixed(0.05, digits: 2) == "0.05")
    #expect(Figure.fixed(99.5, digits: 0) == "100")
  }

  @Test func octetsAndSpansReadWell() {
    #expect(Figure.octets(512) == "512 octets")
    #expect(Figure.octets(64 << 20) == "64 MiB")
    #expect(Figure.octets(1536) == "1.5 KiB")
    #expect(Figure.octets(4 << 30) == "4 GiB")
    #expect(Figure.span(seconds: 7.9) == "7s")
    #expect(Figure.span(seconds: 847) == "14m 7s")
    #expect(Figure.span(seconds: 8047) == "2h 14m")
    #expect(Figure.span(seconds: 200_000) == "2d 7h")
    #expect(Figure.span(seconds: .nan) == "-")
    #expect(Figure.span(seconds: 1e300) == "-")
  }
}

@Suite struct TextTableTests {
  @Test func columnsAreAsWideAsTheyNeedToBe() {
    var table = TextTable("NAME", "N", "LONG TITLE")
    table.add(["a", "1"])
    table.add(["longer", "22", "3", "left out"])
    #expect(
      table.text() == """
        NAME     N  LONG TITLE
        a        1
        longer  22           3

        """)
  }

  @Test func linesAreCutBeforeTheyAreColoured() {
    var table = TextTable("NAME", "N")
    table.add(["abcdef", "1"], style: .red)
    #expect(
      table.lines(on: Screen(columns: 4, hasColours: true)) == [
        "\u{1b}[1mNAME\u{1b}[0m", "\u{1b}[31mabcd\u{1b}[0m",
      ])
  }

  @Test func cellsCannotSteerTheTerminal() {
    var table = TextTable("A")
    table.add(["x\r\n\u{7}\u{1b}[2J\u{9b}31my"])
    let replaced = String(repeating: "\u{FFFD}", count: 4)
    #expect(table.text() == "A\nx\(replaced)[2J\u{FFFD}31my\n")
  }
}

@Suite struct ReportTextTests {
  @Test func theOverviewHasOneLineForEach() {
    #expect(
      Report.sample.overviewText == """
        PORT  KIND    STATE   RX  TX  DROPS  REASON
        wan   afxdp   up     100   9      6  prog_drop
        lan   memory  down     0   0      0  no carrier

        ENTRY  CPU  STATE  QUEUE  PROCESSED  DROPS  PROGRAMS
        w1       1  up        0%         30      8  acl>count@42
        w2       2  up         0          0      0  -

        ledger: every frame and every buffer is accounted for, unaccounted 0

        """)
  }

  @Test func theStatisticsHaveEveryCounter() {
    #expect(
      Report.sample.statisticsText == """
        PORT   RX  KERNEL DROPPED  PASS  DROP  XDP_TX  REDIRECT  ABORTED  TX  TX ERRORS  INVALID  IN FLIGHT
        wan   100               7    10     6       4        70        2   9          3        1          8
        lan     0               0     0     0       0         0        0   0          0        0          0

        ENTRY  CPU  OFFERED  ENQ  RING DROP  DEPTH  PROCESSED  PASS  DROP  TX  REDIRECT  ABORTED
        w1       1       40   38          2      8         30    10     6   5         8        1
        w2       2        0    0          0      0          0     0     0   0         0        0

        DROPPED BY  REASON     FRAMES
        port wan    prog_drop       5
        port wan    no_entry        1
        entry w1    prog_drop       6

        POOL  CAPACITY  FREE  FILL  RECEIVE  WORKER  RING  TRANSMIT  COMPLETION  HELD  SHARED  QUARANTINE  \
        DOUBLE FREE  STALE  ABANDONED
        wan         64     8    32        8       0     8         4           0     0       0           4  \
                  1      2          3

        ledger: every frame and every buffer is accounted for, unaccounted 0

        """)
  }

  @Test func theLedgerShowsItsEquationsAndMarksTheWrongOnes() {
    var report = Report.sample
    report.entries = []
    report.ports[0].pass = 11
    #expect(
      report.ledgerText.split(separator: "\n").dropFirst(2) == [
        "! port wan  rx 100 = pass 11 + Σdrop 6 + xdp_tx 4 + redirect 70 + aborted 2 + in_flight 8",
        "  port lan  rx 0 = pass 0 + Σdrop 0 + xdp_tx 0 + redirect 0 + aborted 0 + in_flight 0",
        "  pool wan  capacity 64 = Σstates 64",
        "ledger: port wan: rx = pass + Σdrop + xdp_tx + redirect + aborted + in_flight does not hold: "
          + "100 is not 101, 1 too many",
        "ledger: unaccounted 1",
      ])
    #expect(
      report.ledgerJSON["violations"]
        == [
          .string(
            "port wan: rx = pass + Σdrop + xdp_tx + redirect + aborted + in_flight does not hold: "
              + "100 is not 101, 1 too many")
        ])
  }

  @Test func aStatusIsAReportWithAHeading() throws {
    let status = Status(
      version: "0.1.0", process: 812, uptimeSeconds: 8047, configuration: "/etc/c.yaml",
      report: .sample)
    #expect(
      status.text.hasPrefix("cpumapd 0.1.0  pid 812  up 2h 14m  mode afxdp  /etc/c.yaml\n\nPORT"))
    let json = try JSON(parsing: status.json.text)
    #expect(try Status(json: json) == status)
    #expect(try Report(json: json) == .sample)
  }
}

@Suite struct LiveViewTests {
  private var later: Report {
    var report = Report.sample
    report.seconds += 2
    report.ports[0].rx += 3_680_000
    report.ports[0].tx += 20
    report.entries[0].processed += 1_224_000
    report.entries[0].busyNanoseconds = 1_500_000_000 + 900_000_000
    report.entries[0].depth = 1024
    report.entries[1].ringDrop += 424
    return report
  }

  @Test func aTerminalIsDrawnOverWithRates() {
    var view = LiveView(title: "demo", isTerminal: true)
    let first = view.draw(.sample, on: .plain)
    #expect(first.hasPrefix("\r\u{1b}[2Kdemo  2s  mode afxdp  rx 50/s  tx 5/s  drops 7/s\n"))
    let second = view.draw(later, on: .plain)
    #expect(
      second.replacing("\u{1b}[2K", with: "") == """
        \u{1b}[9A\rdemo  4s  mode afxdp  rx 1.84M/s  tx 10/s  drops 212/s

        PORT  STATE   RX/s  TX/s  DROPS/s  MOSTLY
        wan   up     1.84M    10        0
        lan   down       0     0        0

        ENTRY  CPU  LOAD             QUEUE  FRAMES/s  DROPS/s  PROGRAMS
        w1       1  ████▌░░░░░  45%    50%      612k        0  acl>count@42
        w2       2  -                    0         0      212  -
        \u{1b}[J
        """)
  }

  @Test func linesFitTheScreenAndLossIsRed() {
    var view = LiveView(title: "demo", isTerminal: true)
    _ = view.draw(.sample, on: .plain)
    let text = view.draw(later, on: Screen(columns: 20, hasColours: true))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first { $0.contains("w2") }?.contains("\u{1b}[31m") == true)
    #expect(lines.first { $0.contains("wan") }?.contains("\u{1b}[31m") == false)
    #expect(lines.contains { $0.hasSuffix("ENTRY  CPU  LOAD    \u{1b}[0m") })
  }

  @Test func aLogGetsOneLine() {
    var view = LiveView(title: "demo", isTerminal: false)
    #expect(
      view.draw(.sample, on: .plain) == "demo  2s  mode afxdp  rx 50/s  tx 5/s  drops 7/s\n")
    #expect(view.draw(later, on: .plain).split(separator: "\n").count == 1)
  }

  @Test func countersThatWentBackDoNotTrap() {
    var view = LiveView(title: "demo", isTerminal: false)
    _ = view.draw(later, on: .plain)
    #expect(view.draw(.sample, on: .plain).contains("rx 0/s"))
    #expect(view.draw(Report(mode: .memory, seconds: .nan), on: .plain).contains("rx 0/s"))
  }
}
