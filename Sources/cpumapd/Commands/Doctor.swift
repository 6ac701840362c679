// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import IOUring
import Syscalls

/// `cpumapd doctor`: what this machine allows, each finding with the fix to paste.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell what this machine, its kernel and an interface allow.",
    discussion: "Exit codes: 0 nothing stands in the way, 69 something does.")

  @Argument(help: "An interface to look at.")
  var port: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let findings = Diagnosis.machine + (port.map { Diagnosis.interface($0) } ?? [])
    if json {
      Terminal.standardOutput.write("\(Finding.json(findings))\n")
    } else {
      for finding in findings { Terminal.standardOutput.write(finding.text) }
    }
    if findings.contains(where: { $0.level == .obstacle }) {
      throw ExitCode(ExitStatus.unavailable.rawValue)
    }
  }
}

/// One thing that the doctor looked at.
struct Finding {
  enum Level: String {
    case fine
    case remark
    case obstacle
  }

  let subject: String
  let level: Level
  let text: String

  init(_ subject: String, _ level: Level, _ finding: String, fix: String? = nil) {
    self.subject = subject
    self.level = level
    self.finding = finding
    self.fix = fix
    let mark =
      switch level {
      case .fine: "ok  "
      case .remark: "note"
      case .obstacle: "FAIL"
      }
    text = "\(mark)  \(subject): \(finding)\n" + (fix.map { "      fix: \($0)\n" } ?? "")
  }

  private let finding: String
  private let fix: String?

  /// All findings as one object.
  static func json(_ findings: [Finding]) -> JSON {
    let items = findings.map { finding -> JSON in
      [
        "subject": .string(finding.subject), "level": .string(finding.level.rawValue),
        "finding": .string(finding.finding), "fix": finding.fix.map { .string($0) } ?? .null,
      ]
    }
    let isWell = !findings.contains { $0.level == .obstacle }
    return ["ok": .boolean(isWell), "findings": .array(items)]
  }
}
