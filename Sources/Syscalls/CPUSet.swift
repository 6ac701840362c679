// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A set of the system's processors.
public struct CPUSet: Hashable, Sendable {
  /// One bit per processor, sixty-four in a word, as the kernel's masks are laid out.
  var words: [UInt64]

  /// The processors a set can name: 0 to 1023, as C's `cpu_set_t`.
  public static let capacity = 1024

  /// An empty set.
  public init() { words = [UInt64](repeating: 0, count: Self.capacity / 64) }

  /// A set of the processors named.
  ///
  /// - Precondition: Each is in 0...1023.
  public init(_ processors: some Sequence<Int>) {
    self.init()
    for processor in processors { insert(processor) }
  }

  /// Adds a processor.
  ///
  /// - Precondition: It is in 0...1023.
  public mutating func insert(_ processor: Int) {
    precondition((0..<Self.capacity).contains(processor), "A processor's number is 0 to 1023.")
    words[processor / 64] |= 1 << UInt64(processor % 64)
  }

  /// Removes a processor, if it is there.
  public mutating func remove(_ processor: Int) {
    guard contains(processor) else { return }
    words[processor / 64] &= ~(1 << UInt64(processor % 64))
  }

  /// Whether the processor is in the set.
  public func contains(_ processor: Int) -> Bool {
    (0..<Self.capacity).contains(processor)
      && words[processor / 64] & 1 << UInt64(processor % 64) != 0
  }

  /// The processors of the set, lowest first.
  public var processors: [Int] { (0..<Self.capacity).filter(contains) }

  /// The number of processors in the set.
  public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// Whether no processor is in the set.
  public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

  /// The processors that are in both sets.
  public func intersection(_ other: CPUSet) -> CPUSet {
    var result = CPUSet()
    for index in words.indices { result.words[index] = words[index] & other.words[index] }
    return result
  }

  /// The processors that are in this set and not in the other.
  public func subtracting(_ other: CPUSet) -> CPUSet {
    var result = CPUSet()
    for index in words.indices { result.words[index] = words[index] & ~other.words[index] }
    return result
  }
}

extension CPUSet: ExpressibleByArrayLiteral {
  /// A set of the processors named.
  public init(arrayLiteral processors: Int...) { self.init(processors) }
}

extension CPUSet: LosslessStringConvertible {
  /// Reads the kernel's list format, as `0-3,8`; nil if it is not one.
  public init?(_ description: String) {
    self.init()
    for item in description.split(separator: ",") {
      let bounds = item.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = Int(bounds[0]), let last = Int(bounds[bounds.count - 1]),
        first >= 0, first <= last, last < Self.capacity
      else { return nil }
      for processor in first...last { insert(processor) }
    }
  }

  /// The kernel's list format, as `0-3,8`.
  public var description: String {
    var ranges: [ClosedRange<Int>] = []
    for processor in processors {
      if let last = ranges.last, last.upperBound + 1 == processor {
        ranges[ranges.count - 1] = last.lowerBound...processor
      } else {
        ranges.append(processor...processor)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
