// SPDX-License-Identifier: Apache-2.0

/// Our outcome, known as far as it can be.
///
/// Headroom that becomes part of a packet holds what was there before, and nobody knows what that was in the kernel.
/// So every script runs twice here, in buffers full of different octets: where the two differ, any octet will do.
struct Comparison {
  private let first: Outcome
  private let second: Outcome

  init(_ first: Outcome, _ second: Outcome) {
    self.first = first
    self.second = second
  }

  /// What the kernel did otherwise; nil when it did the same.
  func difference(from kernel: Outcome) -> String? {
    if first.start != kernel.start {
      return "began as \(first.start), in the kernel as \(kernel.start)"
    }
    for index in kernel.answers.indices {
      let (ours, theirs) = (first.answers[index], kernel.answers[index])
      guard ours.description == theirs.description else {
        return "step \(index): \(ours), in the kernel \(theirs)"
      }
      if let place = differs(ours.octets, second.answers[index].octets, theirs.octets) {
        return "step \(index): loaded octet \(place)"
      }
    }
    return differs(first.octets, second.octets, kernel.octets).map {
      "octet \($0) of \(first.octets.count), in the kernel of \(kernel.octets.count)"
    }
  }

  /// The first octet that the kernel has otherwise.
  private func differs(_ one: [UInt8], _ two: [UInt8], _ kernel: [UInt8]) -> Int? {
    if one == kernel { return nil }
    guard one.count == kernel.count, two.count == kernel.count else {
      return min(one.count, kernel.count)
    }
    return one.indices.first { one[$0] != kernel[$0] && one[$0] == two[$0] }
  }
}
