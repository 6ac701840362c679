// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Octets of the trusted region, zeroed when handed out and returned when the last reference goes.
@safe
public final class TrustedBlock: Sendable {
  private let arena: Arena
  /// From the reservation's base, in octets.
  public let offset: UInt
  /// Octets, a multiple of 64.
  public let byteCount: UInt

  init(arena: Arena, offset: UInt, byteCount: UInt) {
    self.arena = arena
    self.offset = offset
    self.byteCount = byteCount
    // Safe: the block was just handed out, so nobody else knows these octets.
    unsafe memset(address, 0, Int(byteCount))
  }

  /// Where the block begins; valid while this object lives.
  ///
  /// Safe: the offset was handed out by the arena that this block keeps alive.
  public var address: UnsafeMutableRawPointer { unsafe arena.base + Int(offset) }

  deinit {
    arena.releaseTrusted(offset..<(offset + byteCount))
  }
}
