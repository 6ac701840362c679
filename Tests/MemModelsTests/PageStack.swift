// SPDX-License-Identifier: Apache-2.0

import Arena
import Synchronization
import XDPFrame

/// Pages on a stack under a lock: what came home last is handed out first.
final class PageStack: MemoryModel {
  let memory: MemoryInfo
  let headroom = Limits.headroom
  let linearByteCount = Limits.linear
  let bufferByteCount = Limits.page
  private let registry: MemoryRegistry
  private let segment: Segment
  private let pageCount: Int
  private let free: Mutex<[Descriptor]>
  private let doubleFrees = Atomic(0)

  init(registry: MemoryRegistry, pageCount: Int) throws {
    self.registry = registry
    self.pageCount = pageCount
    segment = try registry.arena.addSegment(byteCount: UInt(pageCount * Limits.page))
    memory = MemoryInfo(kind: MemoryKind(rawValue: 7), id: try registry.reserveID())
    free = Mutex([])
    free.withLock { $0.reserveCapacity(pageCount) }
    for position in 0..<pageCount {
      let page = page(position)
      page.frameByteCount = UInt32(Limits.page)
      page.memory = memory
      page.flags = []
      page.head = 0
      page.owner = .free
      let end = AddressMap.arenaOffset + segment.offset + UInt((position + 1) * Limits.page)
      page.placeSharedInfo(atOffset: end - UInt(Limits.sharedInfo))
      free.withLock { $0.append(page) }
    }
    registry.register(self)
  }

  /// One thread at a time, because of the lock; a faster model has one owner and a cache without.
  func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    free.withLock { free in
      let taken = min(count, free.count)
      for position in 0..<taken {
        let page = free.removeLast()
        page.owner = .receive
        unsafe (storage + position).initialize(to: Storage(owning: page))
      }
      return taken
    }
  }

  /// Any thread; the frames' fragments come like all other buffers.
  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    free.withLock { free in
      for position in 0..<count {
        let page = unsafe descriptors[position]
        if page.becomeFree() { free.append(page) } else { doubleFrees.add(1, ordering: .relaxed) }
      }
    }
  }

  func census() -> Census {
    var census = Census(
      capacity: pageCount, doubleFree: doubleFrees.load(ordering: .relaxed),
      abandoned: registry.abandonedCount(of: memory.id))
    for position in 0..<pageCount { census.counts[page(position).holder, default: 0] += 1 }
    return census
  }

  /// Lets the model go once every page is home; until then it answers who holds the others.
  func destroy() -> Census? {
    guard free.withLock({ $0.count }) == pageCount else { return census() }
    registry.disconnect(memory.id)
    return nil
  }

  private func page(_ position: Int) -> Descriptor {
    // Safe: the address lies in the segment, which this model keeps.
    unsafe Descriptor(holding: segment.address + position * Limits.page)
  }
}
