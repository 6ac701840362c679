// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import Synchronization
public import XDPFrame

/// A segment of the arena that AF_XDP receives into and transmits from, in chunks of one size.
///
///     ├ chunk 0 ┼ chunk 1 ┼ … ┼ chunk n−1 ┤      one ``XSKPool`` owns one run of chunks
///     ▲ address 0                              descriptors of AF_XDP carry octets from here
///
/// Shared by all sockets of all ports that were made with it, so a frame that one of them received can be
/// transmitted by another without a copy. Every (device, queue) has fill and completion rings of its own.
/// The memory goes when the last pool and the last port do.
///
/// Source: `struct xdp_umem`, `include/net/xdp_sock.h`.
@safe
public final class UMEM: Sendable {
  /// Where frames in it find home.
  public let registry: MemoryRegistry
  /// The memory.
  public let segment: Segment
  /// The octets of one chunk, 2048 or 4096.
  public let chunkByteCount: Int
  /// How many chunks there are.
  public let chunkCount: Int
  /// The segment's first octet, from the beginning of the arena window.
  @usableFromInline let origin: UInt64
  /// The octets that are registered with the kernel.
  @usableFromInline let registeredByteCount: UInt64
  /// The octets of a chunk minus 1.
  @usableFromInline let chunkMask: UInt64
  /// The reservation's base.
  ///
  /// Safe: the segment keeps the arena alive.
  @usableFromInline nonisolated(unsafe) let base: UnsafeMutableRawPointer
  let state: Mutex<State>

  struct State {
    /// The runs of chunks that no pool owns, by rising position, never adjacent.
    var free: [Range<Int>]
    /// The sockets that are bound to this memory now.
    var sockets: [UMEMSocket] = []
  }

  /// What the kernel itself leaves free in front of a received packet: `XDP_PACKET_HEADROOM`.
  @inlinable public static var headroom: Int { Limits.headroom }

  /// Takes memory of the registry's arena.
  ///
  /// - Parameters:
  ///   - registry: Where frames in it find home.
  ///   - chunkCount: Chunks, 1 or more; 4 GiB at most.
  ///   - chunkByteCount: Octets of a chunk, 2048 or 4096.
  ///   - hugePages: Ask for 2 MiB pages first.
  /// - Throws: ``MemoryModelError``.
  public init(
    registry: MemoryRegistry, chunkCount: Int, chunkByteCount: Int = Limits.page,
    hugePages: Bool = false
  ) throws(MemoryModelError) {
    guard chunkByteCount == Limits.page || chunkByteCount == Limits.granule else {
      throw .invalid(parameter: "chunkByteCount", value: chunkByteCount, allowed: "2048 or 4096")
    }
    guard (1...1 << 21).contains(chunkCount) else {
      throw .invalid(parameter: "chunkCount", value: chunkCount, allowed: "1...2097152")
    }
    self.registry = registry
    self.chunkByteCount = chunkByteCount
    self.chunkCount = chunkCount
    state = Mutex(State(free: [0..<chunkCount]))
    let page = UInt(Limits.page)
    do {
      segment = try registry.arena.addSegment(
        byteCount: (UInt(chunkCount * chunkByteCount) + page - 1) / page * page,
        hugePages: hugePages)
    } catch {
      throw .memory(error)
    }
    origin = UInt64(segment.offset)
    registeredByteCount = UInt64(chunkCount * chunkByteCount)
    chunkMask = UInt64(chunkByteCount - 1)
    unsafe base = registry.arena.base
  }

  /// The octets that are registered with the kernel.
  public var byteCount: Int { chunkCount * chunkByteCount }

  /// Whether octets lie in one chunk, as the kernel wants them to be sent.
  ///
  /// - Parameters:
  ///   - address: The first octet, from the beginning of the UMEM; any number.
  ///   - length: Octets; none are refused.
  /// - Returns: Whether the kernel will take them.
  ///
  /// Source: `xp_aligned_validate_desc()`, `net/xdp/xsk_queue.h`.
  @inlinable
  @inline(__always)
  public func holds(_ address: UInt64, _ length: UInt32) -> Bool {
    address < registeredByteCount && length != 0
      && (address & chunkMask) &+ UInt64(length) <= chunkMask &+ 1
  }

  /// The chunks that no pool owns.
  public var freeChunkCount: Int { state.withLock { $0.free.reduce(0) { $0 + $1.count } } }

  /// Takes a run of chunks, first fit; nil if no free run is long enough.
  func takeChunks(_ count: Int) -> Range<Int>? {
    state.withLock { state in
      guard let position = state.free.firstIndex(where: { $0.count >= count }) else { return nil }
      let run = state.free[position]
      let taken = run.lowerBound..<run.lowerBound + count
      if taken.count == run.count {
        state.free.remove(at: position)
      } else {
        state.free[position] = taken.upperBound..<run.upperBound
      }
      return taken
    }
  }

  /// Gives a run of chunks back, and joins it with its free neighbours.
  func release(_ chunks: Range<Int>) {
    state.withLock { state in
      var run = chunks
      state.free.removeAll { other in
        guard other.upperBound == run.lowerBound || other.lowerBound == run.upperBound else {
          return false
        }
        run =
          min(run.lowerBound, other.lowerBound)..<max(run.upperBound, other.upperBound)
        return true
      }
      let position = state.free.firstIndex { $0.lowerBound > run.lowerBound }
      state.free.insert(run, at: position ?? state.free.count)
    }
  }
}
