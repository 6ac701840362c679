// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// The slots of a ring: a power of two of them, found by masking a free-running index.
///
/// A burst is copied as at most two contiguous runs, because a loop that masks each index with a
/// value read at run time cannot be vectorised.
@safe
@frozen
@usableFromInline
struct SlotArray<Element: BitwiseCopyable> {
  @usableFromInline let first: UnsafeMutablePointer<Element>
  @usableFromInline let mask: UInt32

  @inlinable
  @inline(__always)
  init(first: UnsafeMutablePointer<Element>, mask: UInt32) {
    unsafe self.first = unsafe first
    self.mask = mask
  }

  // Safe: the mask keeps every offset inside the slots that were laid out with it.
  @inlinable
  @inline(__always)
  func address(_ index: UInt32) -> UnsafeMutablePointer<Element> {
    unsafe first + Int(truncatingIfNeeded: index & mask)
  }

  /// The length of the run that starts at an index and ends at the last slot or after `count`.
  @inlinable
  @inline(__always)
  func runLength(from index: UInt32, count: Int) -> Int {
    let toEnd = Int(truncatingIfNeeded: mask &- (index & mask)) &+ 1
    return toEnd < count ? toEnd : count
  }

  // Safe: callers pass a count that is at most the number of slots, so both runs stay inside them.
  @inlinable
  @inline(__always)
  func write(_ source: UnsafePointer<Element>, count: Int, at index: UInt32) {
    let head = runLength(from: index, count: count)
    unsafe Self.copy(from: source, to: address(index), count: head)
    if head < count {
      unsafe Self.copy(from: source + head, to: first, count: count &- head)
    }
  }

  @inlinable
  @inline(__always)
  func read(into destination: UnsafeMutablePointer<Element>, count: Int, at index: UInt32) {
    let head = runLength(from: index, count: count)
    unsafe Self.copy(from: address(index), to: destination, count: head)
    if head < count {
      unsafe Self.copy(from: first, to: destination + head, count: count &- head)
    }
  }

  /// Copies one run without a call and, up to 8 slots, without a loop.
  ///
  /// The last step overlaps the one before it instead of going slot by slot. A plain loop becomes a
  /// call to `memcpy` or a vector loop behind a test for overlap; either costs more than a burst of 8.
  @inlinable
  @inline(__always)
  static func copy(
    from source: UnsafePointer<Element>, to destination: UnsafeMutablePointer<Element>, count: Int
  ) {
    let from = unsafe UnsafeRawPointer(source)
    let to = UnsafeMutableRawPointer(destination)
    let byteCount = count &* MemoryLayout<Element>.stride
    if byteCount >= 64 {
      var offset = 0
      repeat {
        unsafe move(SIMD8<UInt64>.self, from, to, at: offset)
        clinux_compiler_barrier()
        offset &+= 64
      } while offset &+ 64 <= byteCount
      if offset != byteCount { unsafe move(SIMD8<UInt64>.self, from, to, at: byteCount &- 64) }
    } else if byteCount >= 32 {
      unsafe move(SIMD4<UInt64>.self, from, to, at: 0)
      unsafe move(SIMD4<UInt64>.self, from, to, at: byteCount &- 32)
    } else if byteCount >= 16 {
      unsafe move(SIMD2<UInt64>.self, from, to, at: 0)
      unsafe move(SIMD2<UInt64>.self, from, to, at: byteCount &- 16)
    } else if byteCount != 0 {
      unsafe move(UInt64.self, from, to, at: 0)
    }
  }

  @inlinable
  @inline(__always)
  static func move<Unit: BitwiseCopyable>(
    _: Unit.Type, _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, at offset: Int
  ) {
    let unit = unsafe from.loadUnaligned(fromByteOffset: offset, as: Unit.self)
    unsafe to.storeBytes(of: unit, toByteOffset: offset, as: Unit.self)
  }
}
