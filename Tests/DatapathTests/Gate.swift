// SPDX-License-Identifier: Apache-2.0

import Synchronization
import XDPFrame

/// A program that holds its worker until a test lets it go, then gives everything one verdict.
final class Gate: Program, Sendable {
  private let isClosed = Atomic(false)
  private let verdict: Verdict

  init(_ verdict: Verdict = .drop) { self.verdict = verdict }

  func close() { isClosed.store(true, ordering: .releasing) }
  func open() { isClosed.store(false, ordering: .releasing) }

  func run(_ burst: inout Burst) {
    while isClosed.load(ordering: .acquiring) {}
    burst.setAll(verdict)
  }
}
