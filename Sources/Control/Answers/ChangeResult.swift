// SPDX-License-Identifier: Apache-2.0

/// What became of a change that was asked for.
public struct ChangeResult: Sendable, Equatable {
  /// The generation that runs now.
  public var generation: UInt64
  /// What has changed, or would, one change a line.
  public var changes: [String]
  /// How long it took until nothing was left of what was replaced, in microseconds.
  public var microseconds: UInt64
  /// Frames that found a queue full meanwhile.
  public var ringDrop: UInt64

  /// Reads what the daemon answers.
  ///
  /// - Throws: ``JSON/MismatchError`` naming the first key that is missing or of the wrong kind.
  public init(json: JSON) throws(JSON.MismatchError) {
    let reader = JSON.Reader(json)
    generation = try reader["generation"].count()
    changes = []
    for element in try reader["changes"].elements() { changes.append(try element.string()) }
    microseconds = try reader["took_us"].count()
    ringDrop = try reader["ring_drop"].count()
  }
}

extension ChangeResult {
  /// What has changed, for people.
  public var text: String {
    guard !changes.isEmpty else { return list + "generation \(generation)\n" }
    let drops = ringDrop == 0 ? "no frame" : "\(ringDrop) frames"
    return list + "generation \(generation), in \(microseconds) us; \(drops) found a queue full\n"
  }

  /// What would change, for people.
  public var trialText: String {
    changes.isEmpty ? "nothing would change\n" : list
  }

  private var list: String { changes.map { $0.printable + "\n" }.joined() }
}
