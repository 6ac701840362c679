// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

extension HashMap {
  /// Elements looked at before one is forgotten although it was used lately.
  private static var patience: Int { 128 }

  func set(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 {
    let lock = kind == .hash ? UpdateFlags.lock : 0
    guard flags & ~lock <= UpdateFlags.mustExist, flags & UpdateFlags.lock == 0 else {
      return Answer.invalid
    }
    return locked {
      let old = unsafe find(key)
      if old != nil, flags == UpdateFlags.mustNotExist { return Answer.exists }
      if old == nil, flags == UpdateFlags.mustExist { return Answer.missing }
      // Programs of other processors hold addresses of their own values, which must stay what they are.
      if let old, isPerCPU {
        if isLRU {
          unsafe marks[old].store(HashMap.used | HashMap.referenced, ordering: .relaxed)
        }
        return unsafe write(value, to: old, processor, isNew: false)
      }
      return unsafe replace(old, key, value, processor)
    }
  }

  private func replace(
    _ old: Int?, _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, _ processor: Int?
  ) -> Int32 {
    if old == nil, unsafe state.pointee.count == capacity {
      guard isLRU else { return Answer.tooBig }
      forgetOne()
    }
    let element = takeElement()
    let result = unsafe write(value, to: element, processor, isNew: true)
    guard result == 0 else {
      giveBack(element)
      return result
    }
    unsafe self.key(element).copyMemory(from: key, byteCount: keyByteCount)
    let head = unsafe heads + Int(bucket(key))
    unsafe links[element].store(head.pointee.load(ordering: .relaxed), ordering: .relaxed)
    unsafe marks[element].store(HashMap.used, ordering: .relaxed)
    unsafe head.pointee.store(UInt32(element) + 1, ordering: .releasing)  // (A)
    unsafe state.pointee.count += 1
    if let old { unlink(old) }
    return 0
  }

  /// Copies a value in: the host's for every processor, a program's for its own, where a new key's others are zero.
  private func write(
    _ value: UnsafeRawPointer, to element: Int, _ processor: Int?, isNew: Bool
  ) -> Int32 {
    guard isPerCPU else {
      return unsafe copyValue(to: values + place(element, 0), from: value, valueByteCount)
        ? 0 : Answer.fault
    }
    for number in 0..<processorCount {
      let target = unsafe values + place(element, number)
      if let processor, processor != number {
        if isNew { unsafe memset(target, 0, stride) }
        continue
      }
      let source = unsafe processor == nil ? value + number * stride : value
      guard unsafe copyValue(to: target, from: source, valueByteCount) else { return Answer.fault }
    }
    return 0
  }

  // MARK: Elements; the lock is held

  /// An unused element; there is one, because one more was made than there may be keys.
  private func takeElement() -> Int {
    let first = unsafe state.pointee.free
    guard first & HashMap.end == 0 else {
      unsafe state.pointee.fresh += 1
      return Int(unsafe state.pointee.fresh) - 1
    }
    unsafe state.pointee.free = unsafe links[Int(first) - 1].load(ordering: .relaxed)
    return Int(first) - 1
  }

  /// Makes an element unused; its link now leads a reader astray, who notices and begins again.
  private func giveBack(_ element: Int) {
    unsafe marks[element].store(0, ordering: .relaxed)
    unsafe links[element].store(state.pointee.free, ordering: .releasing)
    unsafe state.pointee.free = UInt32(element) + 1
  }

  /// Takes an element out of its bucket.
  func unlink(_ element: Int) {
    var place = unsafe heads + Int(bucket(key(element)))
    while true {
      let link = unsafe place.pointee.load(ordering: .relaxed)
      guard link & HashMap.end == 0 else { return }
      if link == UInt32(element) + 1 { break }
      unsafe place = unsafe links + Int(link - 1)
    }
    unsafe place.pointee.store(links[element].load(ordering: .relaxed), ordering: .releasing)
    giveBack(element)
    unsafe state.pointee.count -= 1
  }

  /// Forgets a key that was not used lately: a hand goes round, and what was used since it last came by is spared once.
  ///
  /// Source: `bpf_lru_list_shrink()`, `kernel/bpf/bpf_lru_list.c`, which keeps two lists for the same purpose.
  private func forgetOne() {
    var seen = 0
    while true {
      let element = Int(unsafe state.pointee.hand)
      unsafe state.pointee.hand = UInt32((element + 1) % elementCount)
      let mark = unsafe marks[element].load(ordering: .relaxed)
      guard mark & HashMap.used != 0 else { continue }
      seen += 1
      if mark & HashMap.referenced == 0 || seen > HashMap.patience { return unlink(element) }
      unsafe marks[element].store(HashMap.used, ordering: .relaxed)
    }
  }
}
