// SPDX-License-Identifier: Apache-2.0

/// Hands out ranges of an address space, first fit; set-up and tear-down only.
///
/// Not thread-safe; ``Arena`` holds its lock around it.
struct RangeAllocator {
  /// The free ranges, by rising offset, never adjacent.
  private(set) var free: [Range<UInt>]

  init(_ range: Range<UInt>) {
    free = [range]
  }

  /// The octets that are not handed out.
  var freeByteCount: UInt { free.reduce(0) { $0 + UInt($1.count) } }

  /// Takes `byteCount` octets at a multiple of `alignment`; nil if no free range holds them.
  mutating func allocate(byteCount: UInt, alignment: UInt) -> UInt? {
    for (position, range) in free.enumerated() {
      let start = (range.lowerBound + alignment - 1) / alignment * alignment
      let (end, overflows) = start.addingReportingOverflow(byteCount)
      guard !overflows, end <= range.upperBound else { continue }
      let rest = [range.lowerBound..<start, end..<range.upperBound].filter { !$0.isEmpty }
      free.replaceSubrange(position...position, with: rest)
      return start
    }
    return nil
  }

  /// Gives a range back, and joins it with its free neighbours.
  mutating func release(_ range: Range<UInt>) {
    let position = free.firstIndex { $0.lowerBound >= range.upperBound } ?? free.count
    free.insert(range, at: position)
    join(at: position)
    if position > 0 { join(at: position - 1) }
  }

  private mutating func join(at position: Int) {
    guard position + 1 < free.count else { return }
    guard free[position].upperBound == free[position + 1].lowerBound else { return }
    free[position] = free[position].lowerBound..<free[position + 1].upperBound
    free.remove(at: position + 1)
  }
}
