// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import CLinux
internal import Synchronization
public import XDPFrame

/// Whole pages, recycled through a cache of the owner and a ring that everybody else returns to.
///
///     owner ──▶ cache (128) ◀── refill 64 ── ring ◀── any thread, in bulk
///                    ▲                        │ full
///                    └──── refill 64 ──── page source
///
/// One pool per receive queue: its owner is the thread that made it, or last called ``adopt()``. Only the owner
/// allocates; only what the owner itself recycles goes into the cache, without a lock. Everything else goes
/// through the ring, in bulk, and what the ring has no room for back to the source.
///
/// Made once; never allocates heap memory afterwards. Lives until ``destroy()`` has seen its last page home.
///
/// Source: `struct page_pool`, `include/net/page_pool/types.h`, and `net/core/page_pool.c`. The kernel's source
/// of pages is the page allocator; ours is a segment of the arena, so a pool is bounded.
public final class PagePool: MemoryModel, Sendable {
  /// The state that the hot path works on.
  @usableFromInline let core: PagePoolCore
  /// The kind, ``MemoryKind/pagePool``, and the registry's id.
  public let memory: MemoryInfo
  let registry: MemoryRegistry
  let range: BufferRange
  private let block: TrustedBlock
  /// Whether the last page came home after the pool was closed: its id may belong to another model now.
  let hasGone = Atomic(false)

  /// The most pages in the owner's cache, `PP_ALLOC_CACHE_SIZE`.
  public static let cacheCapacity = 128
  /// The pages moved by one refill, `PP_ALLOC_CACHE_REFILL`: a poll of 64 packets never refills twice.
  public static let refillCount = 64
  /// The slots of the ring if nothing is said, `page_pool_init()`.
  public static let defaultRingCapacity = 1_024

  /// Makes a pool owned by the calling thread.
  ///
  /// - Parameters:
  ///   - registry: Where frames find the pool.
  ///   - pageCount: Pages, 1...1,048,576.
  ///   - ringCapacity: Slots of the ring, the kernel's `pool_size`: 0 means ``defaultRingCapacity``, and more than 16384
  ///     mean 16384.
  ///   - hugePages: Ask for 2 MiB pages first.
  /// - Throws: ``MemoryModelError``.
  ///
  /// Source: `page_pool_create()` and `page_pool_init()`, `net/core/page_pool.c`.
  public init(
    registry: MemoryRegistry, pageCount: Int, ringCapacity: Int = defaultRingCapacity,
    hugePages: Bool = false
  ) throws(MemoryModelError) {
    guard (1...1 << 20).contains(pageCount) else {
      throw .invalid(parameter: "pageCount", value: pageCount, allowed: "1...1048576")
    }
    let ringCapacity = try PagePool.ringCapacity(wanted: ringCapacity)
    self.registry = registry
    let arena = registry.arena
    do {
      let segment = try arena.addSegment(
        byteCount: UInt(pageCount * Limits.page), hugePages: hugePages)
      range = BufferRange(
        arena: arena, segment: segment, count: pageCount, byteCount: Limits.page)
      block = try arena.allocateTrusted(
        byteCount: UInt(PagePoolCore.byteCount(pageCount: pageCount, ringCapacity: ringCapacity)))
    } catch {
      throw .memory(error)
    }
    unsafe core = PagePoolCore(
      initializing: block.address, range: range, ringCapacity: ringCapacity)
    do {
      memory = MemoryInfo(kind: .pagePool, id: try registry.reserveID())
    } catch {
      throw .registry(error)
    }
    range.describe(memory: memory)
    core.fillSource(pageCount)
    adopt()
    registry.register(self)
  }

  /// The slots that a ring gets: what is wanted, within reason.
  ///
  /// Source: `page_pool_init()`, `net/core/page_pool.c`.
  static func ringCapacity(wanted: Int) throws(MemoryModelError) -> Int {
    guard wanted >= 0 else {
      throw .invalid(parameter: "ringCapacity", value: wanted, allowed: "0 or more")
    }
    return wanted == 0 ? defaultRingCapacity : min(wanted, Limits.queue)
  }

  /// Makes the calling thread the owner: the only one that may allocate from here on.
  ///
  /// The former owner must have stopped using the pool, and have been joined or otherwise waited for.
  public func adopt() {
    unsafe core.owner.pointee.store(clinux_context(), ordering: .releasing)
  }

  /// Leaves the pool to whoever holds a lock that its user provides; everything comes home through the ring.
  public func disown() {
    unsafe core.owner.pointee.store(0, ordering: .releasing)
  }

  /// Where the buffers lie.
  public var segment: Segment? { range.segment }

  /// Octets in front of a packet in a fresh page.
  public var headroom: Int { Limits.headroom }

  /// Octets of a packet that one page holds.
  public var linearByteCount: Int { Limits.linear }

  /// Octets of one page.
  public var bufferByteCount: Int { Limits.page }

  /// Takes up to `count` pages; the owner only.
  @inlinable
  public func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    unsafe core.allocate(into: storage, count: count)
  }

  /// Takes pages back from any thread.
  @inlinable
  public func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    unsafe core.recycle(descriptors, count: count)
  }
}
