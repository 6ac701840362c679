// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Values without keys: first in, first out, or last in, first out.
///
/// The values lie outside the arena: programs only ever get copies.
///
/// Source: `kernel/bpf/queue_stack_maps.c`.
@safe
final class QueueMap: BPFMap, @unchecked Sendable {
  // Safe: owned; changed under the lock.
  private let values: UnsafeMutableRawPointer
  private let state: UnsafeMutablePointer<State>

  private struct State {
    /// The oldest value.
    var first = 0
    var count = 0
  }

  override init(_ frame: MapFrame) {
    let byteCount = Int(frame.spec.valueByteCount) * Int(frame.spec.maximumEntries)
    unsafe values = UnsafeMutableRawPointer(zeroed(byteCount) as UnsafeMutablePointer<UInt8>)
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State())
    super.init(frame)
  }

  deinit {
    unsafe free(values)
    unsafe state.deallocate()
  }

  /// Adds a value; `BPF_EXIST` takes out the oldest where there is no room.
  func push(_ value: UnsafeRawPointer, flags: UInt64) -> Int32 {
    guard flags == 0 || flags == UpdateFlags.mustExist else { return Answer.invalid }
    return locked {
      let isFull = unsafe state.pointee.count == capacity
      if isFull, flags == 0 { return Answer.tooBig }
      let next = unsafe (state.pointee.first + state.pointee.count) % capacity
      guard unsafe copyValue(to: values + next * valueByteCount, from: value, valueByteCount) else {
        return Answer.fault
      }
      if isFull {
        unsafe state.pointee.first = unsafe (state.pointee.first + 1) % capacity
      } else {
        unsafe state.pointee.count += 1
      }
      return 0
    }
  }

  /// Copies out the value that is next, or zeros where there is none.
  func pop(into room: UnsafeMutableRawPointer, keeps: Bool) -> Int32 {
    locked {
      let count = unsafe state.pointee.count
      guard count > 0 else {
        let zeros = [UInt8](repeating: 0, count: valueByteCount)
        return unsafe copyValue(to: room, from: zeros, valueByteCount)
          ? Answer.missing : Answer.fault
      }
      let first = unsafe state.pointee.first
      let index = kind == .queue ? first : (first + count - 1) % capacity
      guard unsafe copyValue(to: room, from: values + index * valueByteCount, valueByteCount) else {
        return Answer.fault
      }
      guard !keeps else { return 0 }
      unsafe state.pointee.count -= 1
      if kind == .queue { unsafe state.pointee.first = (first + 1) % capacity }
      return 0
    }
  }

  override func update(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 { unsafe push(value, flags: flags) }
}
