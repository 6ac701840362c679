// SPDX-License-Identifier: Apache-2.0

import CTestSupport

/// A packet, and what is done to it.
struct PacketScript: CustomStringConvertible {
  /// One thing that a program may do to a packet.
  struct Step: CustomStringConvertible {
    var operation: adjustment
    /// How far to move, where to begin, or how much to pull.
    var argument: Int32
    /// The octets to load or store.
    var count: UInt32 = 1

    var description: String {
      switch operation {
      case ADJUST_HEAD: "head(\(argument))"
      case ADJUST_TAIL: "tail(\(argument))"
      case ADJUST_METADATA: "metadata(\(argument))"
      case LOAD: "load(\(argument), \(count))"
      case STORE: "store(\(argument), \(count))"
      default: "pull(\(argument))"
      }
    }
  }

  /// What stands in a packet, from its metadata on, and in what is stored into it.
  static let material: [UInt8] = {
    var generator = SeededGenerator(seed: 1)
    return (0..<(1 << 18)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }()

  /// Where in ``material`` the packet's octets begin; what is stored begins at the same place plus the step's number.
  var first = 0
  /// The octets of metadata.
  var metadata = 0
  /// The octets of the packet, without the metadata.
  var byteCount: Int
  /// Those of them that lie in the first buffer.
  var linear: Int
  var steps: [Step]

  /// The octets that step number `index` stores.
  func stored(_ index: Int) -> ArraySlice<UInt8> {
    PacketScript.material[(first + index)..<(first + index + Int(steps[index].count))]
  }

  var description: String {
    let steps = steps.map(\.description).joined(separator: ", ")
    return "metadata \(metadata), \(byteCount) octets, \(linear) of them linear: \(steps)"
  }
}

/// What became of a packet.
struct Outcome: Equatable {
  /// The answer to one step.
  struct Answer: Equatable, CustomStringConvertible {
    /// 0, or the kernel's error number, negative.
    var result: Int32
    var length: Int
    var linear: Int
    var metadata: Int
    /// What a load brought; empty for other steps and where it failed.
    var octets: [UInt8] = []

    var description: String {
      "result \(result), length \(length), linear \(linear), metadata \(metadata)"
    }
  }

  /// The packet before the first step; its result is 0.
  var start: Answer
  var answers: [Answer]
  /// Metadata and packet after the last step.
  var octets: [UInt8]
}
