// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// Where the hypervisor has put two of our CPUs, as a cache line sees it that goes there and back.
///
/// A virtual CPU floats: the same two are near now and far a second later, and a ring between them is five
/// times slower. Two windows compare only if the distance was the same around both.
enum Distance: String {
  /// Two threads of one core.
  case core
  /// One last-level cache.
  case near
  /// Anything else.
  case far

  init(roundTripNanoseconds: Double) {
    switch roundTripNanoseconds {
    case ..<70: self = .core
    case ..<160: self = .near
    default: self = .far
    }
  }
}

enum Placement {
  /// The CPUs that this process was given, lowest first; asked for before any thread is pinned.
  static func allowedCPUs() -> [UInt32] {
    var set = cpu_set_t()
    guard unsafe sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return [] }
    return unsafe withUnsafeBytes(of: set) { bytes in
      (0..<UInt32(bytes.count * 8)).filter { unsafe bytes[Int($0 / 8)] & (1 << ($0 % 8)) != 0 }
    }
  }

  /// The distance from the calling thread to each of the other CPUs.
  static func distances(to cpus: some Sequence<UInt32>) -> [Distance] {
    cpus.map { Distance(roundTripNanoseconds: roundTrip(to: $0)) }
  }

  /// The median time in nanoseconds of a cache line's way to another CPU and back.
  static func roundTrip(to cpu: UInt32) -> Double {
    let (chunkCount, perChunk) = (11, UInt64(300))
    let lines = PingPong()
    defer { lines.free() }
    let last = UInt64(chunkCount) * perChunk
    let echo = PinnedThread(on: cpu) {
      for i in 1...last {
        while unsafe lines.ping.pointee.load(ordering: .acquiring) != i { clinux_pause() }
        unsafe lines.pong.pointee.store(i, ordering: .releasing)
      }
    }
    var times: [Double] = []
    for chunk in 0..<UInt64(chunkCount) {
      let started = clinux_now()
      for i in 1...perChunk {
        unsafe lines.ping.pointee.store(chunk * perChunk + i, ordering: .releasing)
        while unsafe lines.pong.pointee.load(ordering: .acquiring) != chunk * perChunk + i {
          clinux_pause()
        }
      }
      times.append(Double(clinux_now() - started) / Double(perChunk))
    }
    echo.join()
    return times.median
  }
}

/// Two counters, each on a cache line that nothing shares, and apart from each other's prefetch.
@safe
private struct PingPong: @unchecked Sendable {
  // Safe: both threads touch nothing but the atomics in this memory, which outlives the join.
  private let memory = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 128)

  var ping: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe memory.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  var pong: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (memory + 128).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  init() { unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: 256) }

  func free() { unsafe memory.deallocate() }
}
