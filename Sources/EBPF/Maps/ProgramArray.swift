// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Indices to programs, for tail calls.
///
/// Only the host sets it; programs can name it, not look into it. A program that was in the array is kept until the array goes: a run may still be on its way to it.
///
/// Source: `kernel/bpf/arraymap.c`, `prog_array_map_ops`.
@safe
final class ProgramArray: BPFMap, @unchecked Sendable {
  // Safe: owned; words are 0 or references to executables that `kept` holds.
  private let words: UnsafeMutablePointer<Atomic<UInt>>
  private let kept = Mutex<[Executable]>([])

  override init(_ frame: MapFrame) {
    unsafe words = zeroed(Int(frame.spec.maximumEntries))
    super.init(frame)
  }

  deinit { unsafe free(words) }

  /// What to run for an index; 0 for nothing.
  func target(_ index: UInt32) -> UInt {
    Int(index) < capacity ? unsafe words[Int(index)].load(ordering: .acquiring) : 0
  }

  /// Sets the program of an index.
  func set(_ program: Executable, at index: UInt32) -> Int32 {
    guard Int(index) < capacity else { return Answer.tooBig }
    kept.withLock { if !$0.contains(where: { $0 === program }) { $0.append(program) } }
    // Safe: the object is kept as long as this one.
    let word = UInt(bitPattern: unsafe Unmanaged.passUnretained(program).toOpaque())
    unsafe words[Int(index)].store(word, ordering: .releasing)
    return 0
  }

  override func remove(_ key: UnsafeRawPointer) -> Int32 {
    let index = unsafe key.loadUnaligned(as: UInt32.self)
    guard Int(index) < capacity else { return Answer.tooBig }
    let old = unsafe words[Int(index)].exchange(0, ordering: .acquiringAndReleasing)
    return old == 0 ? Answer.missing : 0
  }

  override func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    unsafe nextIndex(after: key, into: room, below: UInt32(capacity))
  }
}
