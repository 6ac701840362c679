// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// How long things took: counts by magnitude in shared memory, with one writer.
///
/// Values fall into 32 steps for each power of two, so a percentile is at most 1/32, about 3 %, above the truth. All 64
/// bits are covered by 1,920 counts of 8 octets. Recording costs one addition; nothing allocates.
///
///     value 0...63: one count each       then, for each power of two, 32 counts of equal width
@safe
@frozen
public struct Histogram: @unchecked Sendable {
  // Safe: `byteCount` octets that outlive every copy; every word is atomic.
  @usableFromInline let memory: UnsafeMutableRawPointer

  /// The steps of one power of two.
  @inlinable static var stepBits: Int { 5 }
  /// The counts.
  public static let bucketCount = 1_920
  /// The octets of a histogram.
  public static let byteCount = bucketCount * 8

  /// Refers to a histogram: ``byteCount`` octets, aligned to 8; zero for a new one.
  @inlinable
  public init(_ memory: UnsafeMutableRawPointer) {
    unsafe self.memory = unsafe memory
  }

  @inlinable
  @inline(__always)
  func bucket(_ position: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (memory + position &<< 3).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The count that a value falls into.
  @inlinable
  @inline(__always)
  static func position(of value: UInt64) -> Int {
    let magnitude = 63 &- (value | 1).leadingZeroBitCount
    let shift = max(magnitude &- stepBits, 0)
    return shift &<< stepBits &+ Int(truncatingIfNeeded: value &>> UInt64(shift))
  }

  /// The largest value that falls into a count.
  static func upperBound(of position: Int) -> UInt64 {
    let steps = 1 << stepBits
    let shift = max(position / steps - 1, 0)
    let step = UInt64(position - shift * steps)
    return ((step &+ 1) &<< UInt64(shift)) &- 1
  }

  /// Counts a value; the writer only.
  @inlinable
  @inline(__always)
  public func record(_ value: UInt64) {
    let word = unsafe bucket(Histogram.position(of: value))
    unsafe word.pointee.store(
      word.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  /// The values counted; any thread.
  public var count: UInt64 {
    (0..<Histogram.bucketCount).reduce(0) {
      unsafe $0 &+ bucket($1).pointee.load(ordering: .relaxed)
    }
  }

  /// The value that a share of all values does not exceed; any thread.
  ///
  /// - Parameter share: 0...1, such as 0.99.
  /// - Returns: At most 1/32 above the exact one; nil when nothing was counted.
  public func percentile(_ share: Double) -> UInt64? {
    precondition((0...1).contains(share), "A share lies between 0 and 1.")
    let total = count
    guard total > 0 else { return nil }
    let rank = max(UInt64((share * Double(total)).rounded(.up)), 1)
    var seen: UInt64 = 0
    for position in 0..<Histogram.bucketCount {
      unsafe seen &+= bucket(position).pointee.load(ordering: .relaxed)
      if seen >= rank { return Histogram.upperBound(of: position) }
    }
    return Histogram.upperBound(of: Histogram.bucketCount - 1)
  }

  /// Adds another histogram's counts; this one's writer only.
  public func merge(_ other: Histogram) {
    for position in 0..<Histogram.bucketCount {
      let more = unsafe other.bucket(position).pointee.load(ordering: .relaxed)
      let word = unsafe bucket(position)
      unsafe word.pointee.store(
        word.pointee.load(ordering: .relaxed) &+ more, ordering: .relaxed)
    }
  }
}
