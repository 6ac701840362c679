// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import CLinux
internal import Synchronization
public import XDPFrame

/// Pages split into two halves, each a buffer of its own, whose users are counted.
///
///     page    ├──────── half 0 ────────┼──────── half 1 ────────┤   4096 octets
///     half    ├ 192 ─┼─── 1536 ───┼ 320┤                            headroom, packet, SharedInfo
///
/// Twice as many packets of ordinary Ethernet size in the same memory, and in the same cache. A page comes back to
/// the pool when its last half is home: the owner keeps the halves that it recycles itself, everybody else takes one
/// user off the page, and whoever takes the last one off returns the page, in bulk, through the ring. A half whose
/// sibling has come home meanwhile takes it along when it is next allocated, which drivers call flipping the page.
///
/// One pool per receive queue, owned by the thread that made it or last called ``adopt()``, as a ``PagePool``. Made
/// once; never allocates heap memory afterwards. Lives until ``destroy()`` has seen its last half home.
///
/// Source: `MEM_TYPE_PAGE_SHARED`, `net/core/xdp.c`, where the page's reference count is the users; the split and the
/// flip as in `i40e_can_reuse_rx_page()`, `drivers/net/ethernet/intel/i40e/i40e_txrx.c`.
public final class SharedPagePool: MemoryModel, Sendable {
  /// The state that the hot path works on.
  @usableFromInline let core: SharedPageCore
  /// The kind, ``MemoryKind/sharedPage``, and the registry's id.
  public let memory: MemoryInfo
  let registry: MemoryRegistry
  /// The halves.
  let range: BufferRange
  private let block: TrustedBlock
  /// Whether the last half came home after the pool was closed: its id may belong to another model now.
  let hasGone = Atomic(false)

  /// Octets of one buffer, half a page: what one descriptor stands for.
  public static let halfByteCount = Limits.granule

  /// Octets of a packet that one half holds: Ethernet's 1,518, a VLAN tag, rounded up to a multiple of 512.
  ///
  /// Source: `IXGBE_RXBUFFER_1536`, `drivers/net/ethernet/intel/ixgbe/ixgbe.h`.
  public static let packetByteCount = 1_536

  /// Octets in front of a packet: what half a page leaves beside the packet and the 320 of ``SharedInfo``, 192.
  ///
  /// Source: `ixgbe_skb_pad()`, `drivers/net/ethernet/intel/ixgbe/ixgbe.h`.
  public static let packetHeadroom = halfByteCount - packetByteCount - Limits.sharedInfo

  /// Makes a pool owned by the calling thread.
  ///
  /// - Parameters:
  ///   - registry: Where frames find the pool.
  ///   - pageCount: Pages, 1...1,048,576; each is two buffers.
  ///   - ringCapacity: Slots of the ring that pages come home by, as of a ``PagePool``.
  ///   - hugePages: Ask for 2 MiB pages first.
  /// - Throws: ``MemoryModelError``.
  public init(
    registry: MemoryRegistry, pageCount: Int,
    ringCapacity: Int = PagePool.defaultRingCapacity, hugePages: Bool = false
  ) throws(MemoryModelError) {
    guard (1...1 << 20).contains(pageCount) else {
      throw .invalid(parameter: "pageCount", value: pageCount, allowed: "1...1048576")
    }
    let ringCapacity = try PagePool.ringCapacity(wanted: ringCapacity)
    self.registry = registry
    let arena = registry.arena
    let pagesByteCount =
      (PagePoolCore.byteCount(pageCount: pageCount, ringCapacity: ringCapacity) + 63) & ~63
    let segment: Segment
    do {
      segment = try arena.addSegment(
        byteCount: UInt(pageCount * Limits.page), hugePages: hugePages)
      block = try arena.allocateTrusted(
        byteCount: UInt(pagesByteCount + SharedPageCore.byteCount))
    } catch {
      throw .memory(error)
    }
    range = BufferRange(
      arena: arena, segment: segment, count: 2 * pageCount,
      byteCount: SharedPagePool.halfByteCount)
    let pages = BufferRange(
      arena: arena, segment: segment, count: pageCount, byteCount: Limits.page)
    // Safe: the block was sized for both parts.
    unsafe core = SharedPageCore(
      initializing: block.address + pagesByteCount,
      pages: PagePoolCore(
        initializing: block.address, range: pages, ringCapacity: ringCapacity))
    do {
      memory = MemoryInfo(kind: .sharedPage, id: try registry.reserveID())
    } catch {
      throw .registry(error)
    }
    range.describe(memory: memory)
    core.pages.fillSource(pageCount)
    core.poisonAll(range)
    adopt()
    registry.register(self)
  }

  /// Makes the calling thread the owner: the only one that may allocate from here on.
  ///
  /// The former owner must have stopped using the pool, and have been joined or otherwise waited for.
  public func adopt() {
    unsafe core.pages.owner.pointee.store(clinux_context(), ordering: .releasing)
  }

  /// Where the buffers lie.
  public var segment: Segment? { range.segment }

  /// Octets in front of a packet in a fresh half.
  public var headroom: Int { SharedPagePool.packetHeadroom }

  /// Octets of a packet that one half holds.
  public var linearByteCount: Int { SharedPagePool.packetByteCount }

  /// Octets of one half.
  public var bufferByteCount: Int { SharedPagePool.halfByteCount }

  /// Takes up to `count` halves; the owner only.
  @inlinable
  public func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    unsafe core.allocate(into: storage, count: count)
  }

  /// Takes halves back from any thread.
  @inlinable
  public func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    unsafe core.recycle(descriptors, count: count)
  }
}
