// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Glibc
internal import Synchronization

/// Keys to values by hash: all hashes, with a value for each processor or one for all, and those that forget.
///
/// All elements are allocated when the map is made, and one more: an update gives its key another element, so that a
/// value once handed out does not change under its reader. What belongs to an element lies side by side:
///
///     heads   one word per bucket        links   one word per element: the next element of its bucket, plus 1
///     keys    of the elements            marks   one octet per element: in use, and looked up lately
///     values  in the arena, for each processor all elements
///
/// A chain ends with a word that has the top bit and names its bucket. A reader that ends in another bucket than it
/// began in followed an element that was given away meanwhile, and begins again.
///
/// - A change fills an element, then stores the link to it, releasing (A). A lookup loads links, acquiring (B), then
///   reads key and value; without the pair it could compare a key that is not there yet.
///
/// Source: `kernel/bpf/hashtab.c`. There a lock belongs to a bucket, here to the map.
@safe
final class HashMap: BPFMap, @unchecked Sendable {
  private let memory: ValueMemory
  // Safe: the memory's, and this object's own tables; sizes are set once.
  let values: UnsafeMutableRawPointer
  let offset: UInt64
  let heads: UnsafeMutablePointer<Atomic<UInt32>>
  let links: UnsafeMutablePointer<Atomic<UInt32>>
  let keyTable: UnsafeMutableRawPointer
  let marks: UnsafeMutablePointer<Atomic<UInt8>>
  let state: UnsafeMutablePointer<State>
  let bucketMask: UInt32
  let elementCount: Int
  let keyStride: Int
  let seed: UInt64
  let isLRU: Bool

  static let end: UInt32 = 1 << 31
  /// Bits of a mark.
  static let used: UInt8 = 1
  static let referenced: UInt8 = 2

  /// What only changes touch, under the lock.
  struct State {
    var count = 0
    /// Elements never used yet begin here.
    var fresh: UInt32 = 0
    /// The first unused element plus 1, chained by their links; the chain ends as no bucket does.
    var free: UInt32 = .max
    /// Where the search for something to forget goes on.
    var hand: UInt32 = 0
  }

  init(_ frame: MapFrame, arena: Arena) throws(BPFMapError) {
    let capacity = Int(frame.spec.maximumEntries)
    elementCount = capacity + 1
    keyStride = Int(frame.spec.keyByteCount + 7) & ~7
    let copies = frame.kind.isPerCPU ? frame.processorCount : 1
    let stride = Int(frame.spec.valueByteCount + 7) & ~7
    memory = try ValueMemory(
      arena: arena, byteCount: stride * elementCount * copies, for: frame.spec.name)
    unsafe values = memory.address
    offset = UInt64(memory.offset)
    var buckets = 1
    while buckets < capacity { buckets *= 2 }
    bucketMask = UInt32(buckets - 1)
    seed = Surroundings.seed
    isLRU = frame.kind.isLRU
    // Memory that was never touched costs nothing, so large maps cost what is in them.
    unsafe heads = zeroed(buckets)
    unsafe links = zeroed(elementCount)
    unsafe marks = zeroed(elementCount)
    unsafe keyTable = UnsafeMutableRawPointer(
      zeroed(elementCount * keyStride / 8) as UnsafeMutablePointer<UInt64>)
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State())
    super.init(frame)
    for bucket in 0..<buckets {
      unsafe heads[bucket].store(HashMap.end | UInt32(bucket), ordering: .relaxed)
    }
  }

  deinit {
    unsafe free(heads)
    unsafe free(links)
    unsafe free(marks)
    unsafe free(keyTable)
    unsafe state.deallocate()
  }

  @inline(__always)
  func key(_ element: Int) -> UnsafeMutableRawPointer { unsafe keyTable + element &* keyStride }

  /// Octets from the first value to an element's value for a processor.
  @inline(__always)
  func place(_ element: Int, _ processor: Int) -> Int {
    (processor &* elementCount &+ element) &* stride
  }

  /// The bucket of a key: a multiplication for every eight octets.
  @inline(__always)
  func bucket(_ key: UnsafeRawPointer) -> UInt32 {
    var hash = seed
    var left = keyByteCount
    var at = 0
    while left >= 8 {
      hash = unsafe mixed(hash ^ key.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      at &+= 8
      left &-= 8
    }
    var rest: UInt64 = 0
    if left & 4 != 0 {
      rest = UInt64(unsafe key.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      at &+= 4
    }
    while at < keyByteCount {
      rest = rest &<< 8 | UInt64(unsafe key.load(fromByteOffset: at, as: UInt8.self))
      at &+= 1
    }
    if left > 0 { hash = mixed(hash ^ rest) }
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32) & bucketMask
  }

  @inline(__always)
  private func mixed(_ word: UInt64) -> UInt64 {
    let product = word.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    return product.high ^ product.low
  }

  @inline(__always)
  func isKey(_ element: Int, _ key: UnsafeRawPointer) -> Bool {
    let own = unsafe self.key(element)
    if keyByteCount == 4 {
      return unsafe own.load(as: UInt32.self) == key.loadUnaligned(as: UInt32.self)
    }
    return unsafe memcmp(own, key, keyByteCount) == 0
  }

  /// The element that holds a key; nil for none.
  @inline(__always)
  func find(_ key: UnsafeRawPointer) -> Int? {
    let bucket = unsafe bucket(key)
    while true {
      var link = unsafe heads[Int(bucket)].load(ordering: .acquiring)  // (B)
      while link & HashMap.end == 0 {
        let element = Int(link &- 1)
        if unsafe isKey(element, key) { return element }
        link = unsafe links[element].load(ordering: .acquiring)
      }
      if link == HashMap.end | bucket { return nil }
    }
  }

  override func lookup(_ key: UnsafeRawPointer, processor: Int) -> UInt64 {
    guard let element = unsafe find(key) else { return 0 }
    if isLRU { touch(element) }
    let place = place(element, isPerCPU ? processor : 0)
    if holdsMaps { return UInt64(unsafe (values + place).load(as: UInt32.self)) }
    return offset &+ UInt64(truncatingIfNeeded: place)
  }

  override func address(of key: UnsafeRawPointer, processor: Int) -> UnsafeMutableRawPointer? {
    unsafe find(key).map { unsafe values + place($0, processor) }
  }

  /// Notes that an element is in use; a line that already says so is not written.
  @inline(__always)
  private func touch(_ element: Int) {
    let mark = unsafe marks[element].load(ordering: .relaxed)
    if mark & HashMap.referenced == 0 {
      unsafe marks[element].store(mark | HashMap.referenced, ordering: .relaxed)
    }
  }

  override func update(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 { unsafe set(key, value, flags: flags, processor: processor) }

  override func remove(_ key: UnsafeRawPointer) -> Int32 {
    locked {
      guard let element = unsafe find(key) else { return Answer.missing }
      unlink(element)
      return 0
    }
  }

  override func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    locked {
      let element = unsafe key.flatMap { unsafe find($0) }
      for candidate in (element.map { $0 + 1 } ?? 0)..<elementCount
      where unsafe marks[candidate].load(ordering: .relaxed) & HashMap.used != 0 {
        unsafe room.copyMemory(from: self.key(candidate), byteCount: keyByteCount)
        return 0
      }
      return Answer.missing
    }
  }
}

/// Memory of zeros from the C library, which a large map does not touch before it needs it.
func zeroed<Element: ~Copyable>(_ count: Int) -> UnsafeMutablePointer<Element> {
  let memory = unsafe calloc(max(count, 1), MemoryLayout<Element>.stride)
  guard let memory = unsafe memory else {
    preconditionFailure("There is memory for the tables of a map.")
  }
  return unsafe memory.assumingMemoryBound(to: Element.self)
}
