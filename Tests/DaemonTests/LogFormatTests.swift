// SPDX-License-Identifier: Apache-2.0

import Control
import Testing

@testable import cpumapd

@Suite struct LogFormatTests {
  @Test(arguments: [
    (LogFormat.text, "cpumapd: warning: a b=c d=e f"), (.journal, "<4>warning: a b=c d=e f"),
    (.json, #"{"level":"warning","message":"a","b":"c","d":"e f"}"#),
  ])
  func anEventIsALine(format: LogFormat, line: String) {
    #expect(format.line("warning", priority: 4, "a", [("b", "c"), ("d", "e f")]) == line)
  }

  @Test(arguments: LogFormat.allCases)
  func nobodyWritesASecondLine(format: LogFormat) throws {
    let line = format.line("info", priority: 6, "a\n<0>b\u{1b}[2J", [("k", "v\r\nw")])
    #expect(!line.contains { $0.isNewline || $0 == "\u{1b}" })
    guard format == .json else { return }
    #expect(try JSON(parsing: line)["message"] == "a\n<0>b\u{1b}[2J")
    #expect(try JSON(parsing: line)["k"] == "v\r\nw")
  }
}
