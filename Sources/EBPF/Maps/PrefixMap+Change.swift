// SPDX-License-Identifier: Apache-2.0

// Changes of the tree; the lock is held.
extension PrefixMap {
  /// Where a link lies: in a node, or at the root.
  struct Link {
    /// 0 for the root.
    var node: UInt32 = 0
    var bit = 0
  }

  private func target(_ link: Link) -> UInt32 {
    unsafe link.node == 0 ? state.pointee.root : nodes[Int(link.node - 1)][link.bit]
  }

  private func setTarget(_ link: Link, _ node: UInt32) {
    if link.node == 0 {
      unsafe state.pointee.root = node
    } else {
      unsafe nodes[Int(link.node - 1)][link.bit] = node
    }
  }

  /// Follows a key until it leaves the tree or ends: the last link, and the one before it.
  private func descend(_ key: UnsafeRawPointer) -> (link: Link, parent: Link, common: UInt32) {
    var (link, parent, common) = (Link(), Link(), UInt32(0))
    let wanted = unsafe key.loadUnaligned(as: UInt32.self)
    while true {
      let node = target(link)
      guard node != 0 else { break }
      common = unsafe commonBits(node, key)
      let bitCount = unsafe nodes[Int(node - 1)].bitCount
      guard bitCount == common, bitCount != wanted else { break }
      parent = link
      link = Link(node: node, bit: unsafe bit(key + 4, bitCount))
    }
    return (link, parent, common)
  }

  /// The node of exactly this prefix; 0 for none.
  func exact(_ key: UnsafeRawPointer) -> (node: UInt32, link: Link, parent: Link) {
    let (link, parent, common) = unsafe descend(key)
    let node = target(link)
    let wanted = unsafe key.loadUnaligned(as: UInt32.self)
    let isExact =
      unsafe node != 0 && nodes[Int(node - 1)].bitCount == wanted && common == wanted
      && nodes[Int(node - 1)].value != 0
    return (isExact ? node : 0, link, parent)
  }

  func insert(_ key: UnsafeRawPointer, _ value: UnsafeRawPointer, _ flags: UInt64) -> Int32 {
    let old = unsafe exact(key).node
    if old != 0, flags == UpdateFlags.mustNotExist { return Answer.exists }
    if old == 0, flags == UpdateFlags.mustExist { return Answer.missing }
    if old == 0, unsafe state.pointee.count == capacity { return Answer.noSpace }
    let place = takeValue()
    guard unsafe copyValue(to: valueAddress(place), from: value, valueByteCount) else {
      unsafe state.pointee.freeValues.append(place)
      return Answer.fault
    }
    changing {
      if old == 0 {
        unsafe grow(key, place)
        unsafe state.pointee.count += 1
      } else {
        unsafe state.pointee.freeValues.append(nodes[Int(old - 1)].value)
        unsafe nodes[Int(old - 1)].value = place
        unsafe octets(old).copyMemory(from: key + 4, byteCount: byteCount)
      }
    }
    return 0
  }

  /// Adds a prefix that is not there.
  private func grow(_ key: UnsafeRawPointer, _ place: UInt32) {
    let (link, _, common) = unsafe descend(key)
    let wanted = unsafe key.loadUnaligned(as: UInt32.self)
    let node = target(link)
    if node != 0, unsafe nodes[Int(node - 1)].bitCount == wanted, common == wanted {
      // Two prefixes parted here, and now one ends here, too.
      unsafe nodes[Int(node - 1)].value = place
      unsafe octets(node).copyMemory(from: key + 4, byteCount: byteCount)
      return
    }
    let new = unsafe takeNode(wanted, key + 4, place)
    if node == 0 { return setTarget(link, new) }
    if common == wanted {
      unsafe nodes[Int(new - 1)][bit(octets(node), common)] = node
      return setTarget(link, new)
    }
    let fork = unsafe takeNode(common, octets(node), 0)
    let side = unsafe bit(key + 4, common)
    unsafe nodes[Int(fork - 1)][side] = new
    unsafe nodes[Int(fork - 1)][1 - side] = node
    setTarget(link, fork)
  }

  func erase(_ key: UnsafeRawPointer) -> Int32 {
    let (node, link, parent) = unsafe exact(key)
    guard node != 0 else { return Answer.missing }
    changing {
      unsafe state.pointee.count -= 1
      unsafe state.pointee.freeValues.append(nodes[Int(node - 1)].value)
      unsafe nodes[Int(node - 1)].value = 0
      let children = unsafe nodes[Int(node - 1)].children
      guard children.0 == 0 || children.1 == 0 else { return }
      let child = children.0 | children.1
      unsafe state.pointee.freeNodes.append(node)
      // A fork that is left with one way is none any more.
      if child == 0, link.node != 0, unsafe nodes[Int(link.node - 1)].value == 0 {
        setTarget(parent, unsafe nodes[Int(link.node - 1)][1 - link.bit])
        unsafe state.pointee.freeNodes.append(link.node)
      } else {
        setTarget(link, child)
      }
    }
    return 0
  }

  private func takeValue() -> UInt32 {
    if let place = unsafe state.pointee.freeValues.popLast() { return place }
    unsafe state.pointee.freshValue += 1
    return unsafe state.pointee.freshValue
  }

  private func takeNode(_ bitCount: UInt32, _ source: UnsafeRawPointer, _ value: UInt32) -> UInt32 {
    let node: UInt32
    if let free = unsafe state.pointee.freeNodes.popLast() {
      node = free
    } else {
      unsafe state.pointee.freshNode += 1
      node = unsafe state.pointee.freshNode
    }
    unsafe nodes[Int(node - 1)] = Node(bitCount: bitCount, value: value)
    unsafe octets(node).copyMemory(from: source, byteCount: byteCount)
    return node
  }
}
