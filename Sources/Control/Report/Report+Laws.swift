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

  /// A law of the ledger with the numbers of one object in it.
  public struct Equation: Sendable, Equatable, CustomStringConvertible {
    /// A counter and its value.
    public struct Term: Sendable, Equatable {
      /// The counter's name in the contract; a sum over several is `Σdrop` or the like.
      public var name: String
      /// Its value.
      public var value: UInt64
    }

    /// The port, entry or pool, such as `port wan`.
    public var subject: String
    /// What the terms must add up to.
    public var stated: Term
    /// What it must be the sum of.
    public var terms: [Term]

    init(_ subject: String, _ name: String, _ value: UInt64, _ terms: KeyValuePairs<String, UInt64>)
    {
      self.subject = subject
      stated = Term(name: name, value: value)
      self.terms = terms.map { Term(name: $0.key, value: $0.value) }
    }

    /// The right side; the largest value where the sum is beyond it, as numbers from a socket prove nothing.
    public var sum: UInt64 { terms.reduce(UInt64(0)) { $0.addingClamped($1.value) } }

    /// The equation with its numbers, such as `rx 3 = pass 1 + Σdrop 2`.
    public var description: String {
      "\(stated.name) \(stated.value) = "
        + terms.map { "\($0.name) \($0.value)" }.joined(separator: " + ")
    }

    fileprivate var violation: Violation? {
      guard stated.value != sum else { return nil }
      let law = "\(stated.name) = " + terms.map(\.name).joined(separator: " + ")
      return Violation(subject: subject, law: law, stated: stated.value, summed: sum)
    }
  }

  /// Every law of every object, in the order ports, entries, pools.
  public var equations: [Equation] {
    ports.map(\.equation) + entries.flatMap(\.equations) + pools.map(\.equation)
  }

  /// The laws that do not hold, in the order ports, entries, pools.
  ///
  /// Exact for a report of a datapath at rest. Counters of a running one are not read at one instant, so
  /// frames on their way between two reads may look missing.
  public func lawViolations() -> [Violation] { equations.compactMap(\.violation) }

  /// The sum of what breaks the laws; 0 when every frame and buffer is accounted for.
  public var unaccounted: UInt64 {
    lawViolations().reduce(UInt64(0)) { $0.addingClamped($1.unaccounted) }
  }
}

extension Report.Port {
  fileprivate var equation: Report.Equation {
    Report.Equation(
      "port \(name)", "rx", rx,
      [
        "pass": pass, "Σdrop": drop.total, "xdp_tx": xdpTx, "redirect": redirect,
        "aborted": aborted,
        "in_flight": inFlight,
      ])
  }
}

extension Report.Entry {
  fileprivate var equations: [Report.Equation] {
    let subject = "entry \(id)"
    return [
      Report.Equation(subject, "offered", offered, ["enq": enqueued, "ring_drop": ringDrop]),
      Report.Equation(subject, "enq", enqueued, ["processed": processed, "depth": depth]),
      Report.Equation(
        subject, "processed", processed,
        ["pass": pass, "Σdrop": drop.total, "tx": tx, "redirect": redirect, "aborted": aborted]),
    ]
  }
}

extension Report.Pool {
  fileprivate var equation: Report.Equation {
    let sum = Report.BufferState.allCases.reduce(UInt64(0)) { $0.addingClamped(self[$1]) }
    return Report.Equation("pool \(name)", "capacity", capacity, ["Σstates": sum])
  }
}

extension UInt64 {
  /// The sum, or the largest value.
  fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
