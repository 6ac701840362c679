// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Where programs send records, an own buffer for each processor that the host listens to.
///
/// An index without a listener answers as the kernel does where nobody opened an event. Records lie outside the
/// arena. What finds no room is counted.
///
/// Source: `bpf_perf_event_output()`, `kernel/trace/bpf_trace.c`.
@safe
final class EventArray: BPFMap, @unchecked Sendable {
  private let buffers: Mutex<[Int: Buffer]> = Mutex([:])

  /// The records of one index, oldest first.
  private struct Buffer {
    let capacity: Int
    var records: [[UInt8]] = []
    var byteCount = 0
    var lost = 0
  }

  /// Begins to listen to an index.
  func open(_ index: Int, byteCount: Int) -> Int32 {
    guard (0..<capacity).contains(index) else { return Answer.tooBig }
    buffers.withLock { $0[index] = Buffer(capacity: byteCount) }
    return 0
  }

  /// Whether a record for an index would be kept; else the kernel's answer.
  func check(_ index: UInt64, processor: Int) -> Int32 {
    guard index < UInt64(capacity) else { return Answer.tooBig }
    guard buffers.withLock({ $0[Int(index)] != nil }) else { return Answer.missing }
    // An event counts on one processor, and takes only what is sent from there.
    return Int(index) == processor ? 0 : Answer.notSupported
  }

  /// Adds a record.
  func append(_ record: [UInt8], to index: Int) -> Int32 {
    buffers.withLock { buffers in
      guard var buffer = buffers.removeValue(forKey: index) else { return Answer.missing }
      defer { buffers[index] = buffer }
      guard buffer.byteCount + record.count <= buffer.capacity else {
        buffer.lost += 1
        return Answer.noSpace
      }
      buffer.byteCount += record.count
      buffer.records.append(record)
      return 0
    }
  }

  /// Takes out what is there, and how much was lost since the last time.
  func drain(_ index: Int) -> (records: [[UInt8]], lost: Int) {
    buffers.withLock { buffers in
      guard let buffer = buffers[index] else { return ([], 0) }
      buffers[index] = Buffer(capacity: buffer.capacity)
      return (buffer.records, buffer.lost)
    }
  }

  override func remove(_ key: UnsafeRawPointer) -> Int32 {
    let index = Int(unsafe key.loadUnaligned(as: UInt32.self))
    guard index < capacity else { return Answer.tooBig }
    return buffers.withLock { $0.removeValue(forKey: index) } == nil ? Answer.missing : 0
  }

  override func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    unsafe nextIndex(after: key, into: room, below: UInt32(capacity))
  }
}
