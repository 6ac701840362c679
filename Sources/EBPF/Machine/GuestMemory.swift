// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// The arena window as programs see it: 4 GiB of octets by 32-bit offset, with holes.
///
/// Every access takes the low 32 bits of what a program computed and never leaves the window and the guard behind it.
/// An access to a hole answers that it failed. Any thread may access it; ordering is the caller's affair.
@frozen
@safe
public struct GuestMemory: @unchecked Sendable {
  // Safe: the window's 4 GiB and the guard behind it stay reserved while the arena lives, which the machine holds.
  @usableFromInline let base: UnsafeMutableRawPointer

  /// Views the window that begins at `base`.
  @inlinable
  public init(base: UnsafeMutableRawPointer) {
    unsafe self.base = unsafe base
  }

  /// The host's address of an offset; follow it only through the guarded accesses, or where the host itself put
  /// something.
  @inlinable
  @inline(__always)
  public func address(_ offset: UInt64) -> UnsafeMutableRawPointer {
    unsafe base + Int(UInt32(truncatingIfNeeded: offset))
  }

  /// Loads an octet; nil if there is none.
  @inlinable
  @inline(__always)
  public func load8(_ offset: UInt64) -> UInt8? {
    let found = unsafe clinux_guarded_load8(address(offset))
    return found.failed == 0 ? UInt8(truncatingIfNeeded: found.value) : nil
  }

  /// Loads 16 bits; nil if they are not all there.
  @inlinable
  @inline(__always)
  public func load16(_ offset: UInt64) -> UInt16? {
    let found = unsafe clinux_guarded_load16(address(offset))
    return found.failed == 0 ? UInt16(truncatingIfNeeded: found.value) : nil
  }

  /// Loads 32 bits; nil if they are not all there.
  @inlinable
  @inline(__always)
  public func load32(_ offset: UInt64) -> UInt32? {
    let found = unsafe clinux_guarded_load32(address(offset))
    return found.failed == 0 ? UInt32(truncatingIfNeeded: found.value) : nil
  }

  /// Loads 64 bits; nil if they are not all there.
  @inlinable
  @inline(__always)
  public func load64(_ offset: UInt64) -> UInt64? {
    let found = unsafe clinux_guarded_load64(address(offset))
    return found.failed == 0 ? found.value : nil
  }

  /// Stores an octet; false if there is no place.
  @inlinable
  @inline(__always)
  public func store8(_ offset: UInt64, _ value: UInt8) -> Bool {
    unsafe clinux_guarded_store8(address(offset), UInt64(value)) == 0
  }

  /// Stores 16 bits; false if there is no place for all.
  @inlinable
  @inline(__always)
  public func store16(_ offset: UInt64, _ value: UInt16) -> Bool {
    unsafe clinux_guarded_store16(address(offset), UInt64(value)) == 0
  }

  /// Stores 32 bits; false if there is no place for all.
  @inlinable
  @inline(__always)
  public func store32(_ offset: UInt64, _ value: UInt32) -> Bool {
    unsafe clinux_guarded_store32(address(offset), UInt64(value)) == 0
  }

  /// Stores 64 bits; false if there is no place for all.
  @inlinable
  @inline(__always)
  public func store64(_ offset: UInt64, _ value: UInt64) -> Bool {
    unsafe clinux_guarded_store64(address(offset), value) == 0
  }

  /// Copies octets out of the window.
  ///
  /// - Parameters:
  ///   - offset: Where the octets begin, as a program gave it.
  ///   - target: The host's memory, of at least `count` octets.
  ///   - count: The number of octets.
  /// - Returns: False if some of them lie in a hole or behind the window; then any of the target may be written.
  @inlinable
  public func read(_ offset: UInt64, into target: UnsafeMutableRawPointer, count: Int) -> Bool {
    guard fits(offset, count) else { return false }
    return unsafe clinux_guarded_copy(target, address(offset), UInt64(count)) == 0
  }

  /// Copies octets into the window.
  ///
  /// - Parameters:
  ///   - source: The host's memory, of at least `count` octets.
  ///   - offset: Where the octets go, as a program gave it.
  ///   - count: The number of octets.
  /// - Returns: False if some would lie in a hole or behind the window; then any of them may be written.
  @inlinable
  public func write(_ source: UnsafeRawPointer, to offset: UInt64, count: Int) -> Bool {
    guard fits(offset, count) else { return false }
    return unsafe clinux_guarded_copy(address(offset), source, UInt64(count)) == 0
  }

  /// Whether a range of octets ends inside the window.
  @inlinable
  public func fits(_ offset: UInt64, _ count: Int) -> Bool {
    count >= 0 && count <= 1 << 32
      && UInt64(UInt32(truncatingIfNeeded: offset)) &+ UInt64(count) <= 1 << 32
  }
}
