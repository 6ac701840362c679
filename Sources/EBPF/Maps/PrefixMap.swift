// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import Glibc
internal import Synchronization

/// Prefixes to values; a lookup finds the longest prefix that the key begins with.
///
/// A binary tree without chains: a node stands where a prefix ends or where two prefixes part. Nodes and values have
/// places of their own, one more than there may be prefixes, for the same reason as in ``HashMap``.
///
/// - A change makes the version odd, changes links, makes it even again, releasing (A). A lookup loads the version,
///   acquiring (B), walks, and walks again if the version changed or was odd; without it, it could follow a node
///   that was given away. Its steps are bounded by the key's bits, so it ends whatever it reads.
///
/// Source: `kernel/bpf/lpm_trie.c`.
@safe
final class PrefixMap: BPFMap, @unchecked Sendable {
  private let memory: ValueMemory
  // Safe: the memory's, and this object's own tables; sizes are set once.
  private let values: UnsafeMutableRawPointer
  let nodes: UnsafeMutablePointer<Node>
  let data: UnsafeMutableRawPointer
  let state: UnsafeMutablePointer<State>
  private let version: UnsafeMutablePointer<Atomic<UInt32>>
  let byteCount: Int

  /// A node; links are indices plus 1, 0 for none.
  struct Node {
    var bitCount: UInt32 = 0
    /// The place of the value plus 1; 0 where two prefixes only part.
    var value: UInt32 = 0
    var children: (UInt32, UInt32) = (0, 0)

    subscript(_ bit: Int) -> UInt32 {
      get { bit == 0 ? children.0 : children.1 }
      set { if bit == 0 { children.0 = newValue } else { children.1 = newValue } }
    }
  }

  /// What only changes touch, under the lock.
  struct State {
    var root: UInt32 = 0
    var count = 0
    var freeNodes: [UInt32] = []
    var freeValues: [UInt32] = []
    var freshNode: UInt32 = 0
    var freshValue: UInt32 = 0
  }

  init(_ frame: MapFrame, arena: Arena) throws(BPFMapError) {
    let capacity = Int(frame.spec.maximumEntries)
    byteCount = Int(frame.spec.keyByteCount) - 4
    let stride = Int(frame.spec.valueByteCount + 7) & ~7
    memory = try ValueMemory(
      arena: arena, byteCount: stride * (capacity + 1), for: frame.spec.name)
    unsafe values = memory.address
    unsafe nodes = zeroed(2 * capacity + 2)
    unsafe data = UnsafeMutableRawPointer(
      zeroed((2 * capacity + 2) * byteCount) as UnsafeMutablePointer<UInt8>)
    unsafe version = zeroed(1)
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State())
    super.init(frame)
  }

  deinit {
    unsafe free(nodes)
    unsafe free(data)
    unsafe free(version)
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  var bitLimit: UInt32 { UInt32(8 * byteCount) }

  func octets(_ node: UInt32) -> UnsafeMutableRawPointer {
    unsafe data + Int(node - 1) * byteCount
  }

  /// Where a value lies whose place plus 1 is given.
  func valueAddress(_ place: UInt32) -> UnsafeMutableRawPointer {
    unsafe values + Int(place - 1) * stride
  }

  /// The bits that a node and a key begin with alike, as far as both prefixes go.
  @inline(__always)
  func commonBits(_ node: UInt32, _ key: UnsafeRawPointer) -> UInt32 {
    let limit = min(
      unsafe nodes[Int(node - 1)].bitCount, unsafe key.loadUnaligned(as: UInt32.self))
    let own = unsafe octets(node)
    var at = 0
    while at &* 8 < Int(limit) {
      let difference =
        unsafe own.load(fromByteOffset: at, as: UInt8.self)
        ^ key.load(fromByteOffset: 4 &+ at, as: UInt8.self)
      if difference != 0 { return min(limit, UInt32(at &* 8 &+ difference.leadingZeroBitCount)) }
      at &+= 1
    }
    return limit
  }

  @inline(__always)
  func bit(_ octets: UnsafeRawPointer, _ index: UInt32) -> Int {
    Int(
      unsafe octets.load(fromByteOffset: Int(index >> 3), as: UInt8.self) >> (7 - (index & 7)) & 1)
  }

  /// The longest prefix of a key; 0 for none.
  private func walk(_ key: UnsafeRawPointer) -> UInt32 {
    var found: UInt32 = 0
    var node = unsafe state.pointee.root
    var steps: UInt32 = 0
    while node != 0, steps <= bitLimit {
      steps &+= 1
      let common = unsafe commonBits(node, key)
      let current = unsafe nodes[Int(node - 1)]
      if common == bitLimit { return current.value != 0 ? node : found }
      guard common >= current.bitCount, current.bitCount < bitLimit else { return found }
      if current.value != 0 { found = node }
      node = current[unsafe bit(key + 4, current.bitCount)]
    }
    return found
  }

  /// The place of the longest prefix's value.
  private func find(_ key: UnsafeRawPointer) -> UnsafeMutableRawPointer? {
    guard unsafe key.loadUnaligned(as: UInt32.self) <= bitLimit else { return nil }
    while true {
      let before = unsafe version.pointee.load(ordering: .acquiring)  // (B)
      let found = unsafe walk(key)
      let value = found == 0 ? 0 : unsafe nodes[Int(found - 1)].value
      let place = unsafe value == 0 ? nil : valueAddress(value)
      atomicMemoryFence(ordering: .acquiring)
      if before & 1 == 0, unsafe version.pointee.load(ordering: .relaxed) == before {
        return unsafe place
      }
      clinux_pause()
    }
  }

  override func lookup(_ key: UnsafeRawPointer, processor: Int) -> UInt64 {
    guard let place = unsafe find(key) else { return 0 }
    return UInt64(memory.offset) + UInt64(unsafe place - values)
  }

  override func address(of key: UnsafeRawPointer, processor: Int) -> UnsafeMutableRawPointer? {
    unsafe find(key)
  }

  /// Runs a change of links where readers notice it.
  func changing<Result>(_ body: () -> Result) -> Result {
    unsafe version.pointee.wrappingAdd(1, ordering: .acquiringAndReleasing)
    defer { unsafe version.pointee.wrappingAdd(1, ordering: .releasing) }  // (A)
    return body()
  }

  override func update(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 {
    guard flags <= UpdateFlags.mustExist, unsafe key.loadUnaligned(as: UInt32.self) <= bitLimit
    else { return Answer.invalid }
    return locked { unsafe insert(key, value, flags) }
  }

  override func remove(_ key: UnsafeRawPointer) -> Int32 {
    guard unsafe key.loadUnaligned(as: UInt32.self) <= bitLimit else { return Answer.invalid }
    return locked { unsafe erase(key) }
  }

  /// The prefixes in the order in which they lie in memory; the kernel's order is that of the tree.
  override func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    locked {
      var node: UInt32 = 0
      if let key = unsafe key, unsafe key.loadUnaligned(as: UInt32.self) <= bitLimit {
        node = unsafe exact(key).node
      }
      while unsafe node < state.pointee.freshNode {
        node += 1
        guard unsafe nodes[Int(node - 1)].value != 0 else { continue }
        unsafe room.storeBytes(of: nodes[Int(node - 1)].bitCount, as: UInt32.self)
        unsafe (room + 4).copyMemory(from: octets(node), byteCount: byteCount)
        return 0
      }
      return Answer.missing
    }
  }
}
