// SPDX-License-Identifier: Apache-2.0

internal import Arena

/// Indices to values: arrays, with a value for each processor or one for all, and arrays of maps.
///
/// Source: `kernel/bpf/arraymap.c`.
@safe
final class ArrayMap: BPFMap, @unchecked Sendable {
  private let memory: ValueMemory
  // Safe: the memory's, which this object holds.
  private let values: UnsafeMutableRawPointer
  private let offset: UInt64
  private let count: UInt32
  private let valueStride: Int

  init(_ frame: MapFrame, arena: Arena) throws(BPFMapError) {
    let stride = Int(frame.spec.valueByteCount + 7) & ~7
    let copies = frame.kind.isPerCPU ? frame.processorCount : 1
    let byteCount = stride * Int(frame.spec.maximumEntries) * copies
    memory = try ValueMemory(arena: arena, byteCount: byteCount, for: frame.spec.name)
    unsafe values = memory.address
    offset = UInt64(memory.offset)
    count = frame.spec.maximumEntries
    valueStride = stride
    super.init(frame)
    if !spec.contents.isEmpty {
      unsafe values.copyMemory(from: spec.contents, byteCount: spec.contents.count)
    }
    if spec.isReadOnly { memory.makeReadOnly() }
  }

  override var valuesOffset: UInt32 { memory.offset }

  override var binding: MapBinding {
    guard kind == .array else { return super.binding }
    return MapBinding(
      handle: handle, valuesOffset: memory.offset, entryCount: count,
      entryByteCount: UInt32(valueStride))
  }

  @inline(__always)
  private func place(_ index: UInt32, _ processor: Int) -> Int {
    (processor &* Int(count) &+ Int(index)) &* valueStride
  }

  @inline(__always)
  private func index(_ key: UnsafeRawPointer) -> UInt32 {
    unsafe key.loadUnaligned(as: UInt32.self)
  }

  override func lookup(_ key: UnsafeRawPointer, processor: Int) -> UInt64 {
    let index = unsafe index(key)
    guard index < count else { return 0 }
    let place = place(index, isPerCPU ? processor : 0)
    if holdsMaps { return UInt64(unsafe (values + place).load(as: UInt32.self)) }
    return offset &+ UInt64(truncatingIfNeeded: place)
  }

  override func address(of key: UnsafeRawPointer, processor: Int) -> UnsafeMutableRawPointer? {
    let index = unsafe index(key)
    guard index < count else { return nil }
    let place = unsafe values + place(index, processor)
    if kind.holdsMaps, unsafe place.load(as: UInt32.self) == 0 { return nil }
    return unsafe place
  }

  override func update(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 {
    let lock = kind == .array ? UpdateFlags.lock : 0
    guard flags & ~lock <= UpdateFlags.mustExist else { return Answer.invalid }
    let index = unsafe index(key)
    guard index < count else { return Answer.tooBig }
    if flags & UpdateFlags.mustNotExist != 0 { return Answer.exists }
    guard flags & UpdateFlags.lock == 0, !spec.isReadOnly else { return Answer.invalid }
    let processors = kind.isPerCPU ? processor.map { $0..<($0 + 1) } ?? 0..<processorCount : 0..<1
    for (position, processor) in processors.enumerated() {
      let source = unsafe value + position * valueStride
      guard
        unsafe copyValue(to: values + place(index, processor), from: source, valueByteCount)
      else { return Answer.fault }
    }
    return 0
  }

  override func remove(_ key: UnsafeRawPointer) -> Int32 {
    guard kind.holdsMaps else { return Answer.invalid }
    let index = unsafe index(key)
    guard index < count else { return Answer.tooBig }
    let place = unsafe values + place(index, 0)
    guard unsafe place.load(as: UInt32.self) != 0 else { return Answer.missing }
    unsafe place.storeBytes(of: 0, as: UInt32.self)
    return 0
  }

  override func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    unsafe nextIndex(after: key, into: room, below: count)
  }
}

/// The index behind another one, as every kind of array answers it.
///
/// Source: `array_map_get_next_key()`, `kernel/bpf/arraymap.c`.
func nextIndex(
  after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer, below count: UInt32
) -> Int32 {
  let index = unsafe key.map { unsafe $0.loadUnaligned(as: UInt32.self) } ?? .max
  if index >= count {
    unsafe room.storeBytes(of: 0, as: UInt32.self)
    return 0
  }
  guard index + 1 < count else { return Answer.missing }
  unsafe room.storeBytes(of: index + 1, as: UInt32.self)
  return 0
}
