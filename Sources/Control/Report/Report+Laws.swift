// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// A law of the ledger that does not hold, and by how much.
  public struct Violation: Sendable, Equatable, CustomStringConvertible {
    /// The port, entry or pool whose books are wrong, such as `port wan`.
    public var subject: String
    /// The law in the words of the contract.
    public var law: String
    /// The value on the law's left side.
    public var stated: UInt64
    /// The sum on the law's right side.
    public var summed: UInt64

    /// The frames or buffers that nobody can account for.
    public var unaccounted: UInt64 { max(stated, summed) - min(stated, summed) }

    /// Which object breaks which law with which numbers, as a sentence.
    public var description: String {
      let direction = stated > summed ? "missing" : "too many"
      return "\(subject): \(law) does not hold: \(stated) is not \(summed), "
        + "\(unaccounted) \(direction)"
    }
  }

  /// The laws that do not hold, in the order ports, entries, pools.
  ///
  /// Exact for a report of a datapath at rest. Counters of a running one are not read at one instant, so
  /// frames on their way between two reads may look missing.
  public func lawViolations() -> [Violation] {
    ports.flatMap(\.violations) + entries.flatMap(\.violations) + pools.flatMap(\.violations)
  }

  /// The sum of what breaks the laws; 0 when every frame and buffer is accounted for.
  public var unaccounted: UInt64 {
    lawViolations().reduce(UInt64(0)) { $0.addingClamped($1.unaccounted) }
  }
}

extension Report.Port {
  fileprivate var violations: [Report.Violation] {
    checkLaw(
      "port \(name)", "rx = pass + Σdrop + xdp_tx + redirect + aborted + in_flight",
      rx, [pass, drop.total, xdpTx, redirect, aborted, inFlight])
  }
}

extension Report.Entry {
  fileprivate var violations: [Report.Violation] {
    let subject = "entry \(id)"
    return checkLaw(subject, "offered = enq + ring_drop", offered, [enqueued, ringDrop])
      + checkLaw(subject, "enq = processed + depth", enqueued, [processed, depth])
      + checkLaw(
        subject, "processed = pass + Σdrop + tx + redirect + aborted",
        processed, [pass, drop.total, tx, redirect, aborted])
  }
}

extension Report.Pool {
  fileprivate var violations: [Report.Violation] {
    checkLaw(
      "pool \(name)", "capacity = Σstates", capacity,
      Report.BufferState.allCases.map { self[$0] })
  }
}

private func checkLaw(
  _ subject: String, _ law: String, _ stated: UInt64, _ terms: [UInt64]
) -> [Report.Violation] {
  let summed = terms.reduce(UInt64(0)) { $0.addingClamped($1) }
  guard stated != summed else { return [] }
  return [Report.Violation(subject: subject, law: law, stated: stated, summed: summed)]
}

extension UInt64 {
  /// The sum, or the largest value: a report may come from a socket, so its numbers prove nothing.
  fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
