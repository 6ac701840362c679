// SPDX-License-Identifier: Apache-2.0

import Control

extension DiagnosticList {
  /// The diagnostics for scripts; all of them, not only the first twenty.
  var json: JSON { .array(diagnostics.map(\.json)) }
}

extension Diagnostic {
  fileprivate var json: JSON {
    [
      "severity": .string(severity.rawValue),
      "line": range.map { .integer($0.line) } ?? .null,
      "column": range.map { .integer($0.column) } ?? .null,
      "message": .string(message),
    ]
  }
}
