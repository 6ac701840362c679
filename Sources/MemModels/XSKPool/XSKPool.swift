// SPDX-License-Identifier: Apache-2.0

public import Arena
public import CLinux
internal import Rings
public import Synchronization
public import XDPFrame

/// A run of chunks of a UMEM, the home of one receive queue's packets.
///
///                 ┌── fill ring ── kernel ── receive ring ──┐
///     owner ──▶ cache                                     a packet
///                 ▲──────── what the owner recycles ◀───────┤
///                 └── ring of returns ◀── any thread, in bulk, and what the kernel has sent
///
/// The owner is the thread that serves the queue: it made the pool, or last called ``adopt()``. Only it fills,
/// claims and allocates. Made once; never allocates heap memory afterwards. A frame may outlive the socket that
/// received it: the pool lives until ``destroy()`` has seen its last chunk home.
///
/// The kernel fills a chunk to its last octet, so a packet's `SharedInfo` lies beside its descriptor.
///
/// Source: `struct xsk_buff_pool`, `include/net/xsk_buff_pool.h`; its `free_list` is our cache, and where the
/// kernel knows one thread we know two sides.
public final class XSKPool: MemoryModel, Sendable {
  /// The state that the hot path works on.
  @usableFromInline let core: XSKPoolCore
  /// The kind, ``MemoryKind/xskPool``, and the registry's id.
  public let memory: MemoryInfo
  /// The memory that the chunks lie in.
  public let umem: UMEM
  /// The octets of a chunk minus 1.
  @usableFromInline let chunkMask: UInt64
  /// The UMEM's first octet, from the beginning of the arena window.
  @usableFromInline let origin: UInt64
  /// The pool's first octet in the UMEM, and the octets of all its chunks.
  @usableFromInline let firstAddress: UInt64
  @usableFromInline let byteCount: UInt64
  let range: BufferRange
  private let chunks: Range<Int>
  private let block: TrustedBlock
  private let sharedInfo: TrustedBlock
  /// Whether the last chunk came home after the pool was closed: its id may belong to another model now.
  let hasGone = Atomic(false)

  /// The most chunks of one pool: what the ring of returns holds.
  public static let largestChunkCount = Limits.queue

  /// Takes chunks of a UMEM, owned by the calling thread.
  ///
  /// - Parameters:
  ///   - umem: The memory.
  ///   - chunkCount: Chunks, 1...16384.
  /// - Throws: ``MemoryModelError``.
  ///
  /// Source: `xp_create_and_assign_umem()`, `net/xdp/xsk_buff_pool.c`.
  public init(umem: UMEM, chunkCount: Int) throws(MemoryModelError) {
    guard (1...XSKPool.largestChunkCount).contains(chunkCount) else {
      throw .invalid(parameter: "chunkCount", value: chunkCount, allowed: "1...16384")
    }
    let registry = umem.registry
    do {
      block = try registry.arena.allocateTrusted(
        byteCount: UInt(XSKPoolCore.byteCount(chunkCount: chunkCount)))
      sharedInfo = try registry.arena.allocateTrusted(
        byteCount: UInt(chunkCount * Limits.sharedInfo))
    } catch {
      throw .memory(error)
    }
    guard let chunks = umem.takeChunks(chunkCount) else {
      throw .invalid(
        parameter: "chunkCount", value: chunkCount,
        allowed: "one run of the UMEM's \(umem.freeChunkCount) free chunks")
    }
    do {
      memory = MemoryInfo(kind: .xskPool, id: try registry.reserveID())
    } catch {
      umem.release(chunks)
      throw .registry(error)
    }
    self.umem = umem
    self.chunks = chunks
    range = BufferRange(
      arena: registry.arena, segment: umem.segment, first: chunks.lowerBound, count: chunkCount,
      byteCount: umem.chunkByteCount)
    range.describe(memory: memory, sharedInfo: sharedInfo)
    unsafe core = XSKPoolCore(initializing: block.address, range: range)
    chunkMask = UInt64(umem.chunkByteCount - 1)
    origin = UInt64(umem.segment.offset)
    firstAddress = UInt64(chunks.lowerBound * umem.chunkByteCount)
    byteCount = UInt64(chunkCount * umem.chunkByteCount)
    poisonAll()
    adopt()
    registry.register(self)
  }

  /// Makes the calling thread the owner: the only one that may fill, claim and allocate from here on.
  ///
  /// The former owner must have stopped using the pool, and have been joined or otherwise waited for. A pool that
  /// was closed stays closed.
  @inlinable
  public func adopt() {
    let context = clinux_context()
    let owner = unsafe core.owner.pointee.load(ordering: .relaxed)
    // The owner asks at every burst: it must not write the line that everybody reads.
    guard owner != context, owner != XSKPoolCore.closed else { return }
    unsafe core.owner.pointee.store(context, ordering: .releasing)
  }

  /// Leaves the pool to whoever holds a lock that its user provides; everything comes home through the ring.
  public func disown() {
    unsafe core.owner.pointee.store(0, ordering: .releasing)
  }

  /// How many chunks there are.
  public var chunkCount: Int { range.count }

  /// Where the buffers lie.
  public var segment: Segment? { umem.segment }

  /// Octets in front of a packet that the kernel received.
  public var headroom: Int { UMEM.headroom }

  /// Octets of a packet that one chunk holds behind that headroom.
  public var linearByteCount: Int { umem.chunkByteCount - UMEM.headroom }

  /// Octets of one chunk.
  public var bufferByteCount: Int { umem.chunkByteCount }

  func releaseChunks() {
    umem.release(chunks)
  }
}
