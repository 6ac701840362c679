// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings

/// What programs and the host share: a map of one of the kinds in ``MapKind``.
///
/// Values lie in the arena, in a segment of their own, so that a program that runs past the end of a value's map meets
/// a hole; everything that says which value belongs to which key lies outside it. Lookups take no lock. Changes of one
/// map are serialised by a lock that is held for some tens of nanoseconds, and leave every value in place that a
/// lookup handed out: as in the kernel, whoever keeps such an address may see the value given to another key.
///
/// Any thread may call anything. A map lives as long as its ``MapStore``.
///
/// Source: `struct bpf_map_ops`, `include/linux/bpf.h`.
@safe
public class BPFMap: @unchecked Sendable {
  // Safe: @unchecked Sendable, because everything that changes lies in raw memory behind atomics and the lock.

  /// How the map was defined.
  public let spec: MapSpec
  /// What kind of map it is.
  public let kind: MapKind
  /// What programs pass to helpers; 0 for a map that they cannot name.
  public let handle: UInt32
  /// The processors that a map of a kind for each of them has values for.
  public let processorCount: Int
  let keyByteCount: Int
  let valueByteCount: Int
  let capacity: Int
  /// Octets between two values of one processor.
  let stride: Int
  /// What the kind says, where lookups need not ask it.
  let isPerCPU: Bool
  let holdsMaps: Bool
  // Safe: owned, one word.
  private let lockWord: UnsafeMutableRawPointer

  init(_ frame: MapFrame) {
    spec = frame.spec
    kind = frame.kind
    handle = frame.handle
    processorCount = frame.kind.isPerCPU ? frame.processorCount : 1
    keyByteCount = Int(frame.spec.keyByteCount)
    valueByteCount = Int(frame.spec.valueByteCount)
    capacity = Int(frame.spec.maximumEntries)
    stride = (valueByteCount + 7) & ~7
    isPerCPU = frame.kind.isPerCPU
    holdsMaps = frame.kind.holdsMaps
    unsafe lockWord = .allocate(byteCount: 64, alignment: 64)
    unsafe lockWord.storeBytes(of: 0, as: UInt32.self)
  }

  deinit { unsafe lockWord.deallocate() }

  /// Where the first value lies in the arena window; 0 for kinds whose values have no fixed place.
  public var valuesOffset: UInt32 { 0 }

  /// What the programs of an object need to name the map.
  public var binding: MapBinding { MapBinding(handle: handle, valuesOffset: valuesOffset) }

  /// Runs `body` while nobody else changes the map.
  @inline(__always)
  final func locked<Result>(_ body: () -> Result) -> Result {
    // Safe: the word lives as long as the map.
    let lock = unsafe SpinLock(lockWord)
    lock.acquire(as: clinux_context())
    defer { lock.release() }
    return body()
  }

  // MARK: What a kind answers; keys and values are the host's addresses, values possibly of the arena.

  /// The window offset of the value, or the handle of the map, that a key leads to; 0 for none.
  func lookup(_ key: UnsafeRawPointer, processor: Int) -> UInt64 { 0 }

  /// The host's address of a value, for the host to copy; nil for none.
  func address(of key: UnsafeRawPointer, processor: Int) -> UnsafeMutableRawPointer? { nil }

  /// Sets a value; `processor` is nil for the host, which brings one for each.
  func update(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 { Answer.invalid }

  /// Removes a key.
  func remove(_ key: UnsafeRawPointer) -> Int32 { Answer.invalid }

  /// Copies out the key behind `key`, or the first one.
  func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    Answer.invalid
  }
}

/// What all kinds of maps begin with.
struct MapFrame {
  let spec: MapSpec
  let kind: MapKind
  let handle: UInt32
  let processorCount: Int
}
