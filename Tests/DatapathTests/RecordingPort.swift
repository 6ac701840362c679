// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import XDPFrame

/// A port that remembers how frames were handed to it, sends as many as a test lets it, and refuses the others.
///
/// Frames that it sends go home at once.
final class RecordingPort: Port, Sendable {
  struct State {
    /// The marks of the frames sent by each call.
    var bulks: [[UInt32]] = []
    /// How many frames each call was handed.
    var offered: [Int] = []
    /// The frames that may still be sent.
    var room = Int.max
    /// What the others are told.
    var refusal = DropReason.transmitFull
    /// Packets of these lengths are refused with `mtu`.
    var tooLong: Set<Int> = []
    /// Who else's calls are in the order of this journal.
    var journal: Journal?
    var isDetached = false
    var maintenanceCount = 0
  }

  let name: String
  let number: UInt32
  let queueCount = 1
  let state = Mutex(State())

  init(_ name: String, registry: MemoryRegistry) {
    self.name = name
    number = registry.takePortNumber()
  }

  var status: PortStatus {
    PortStatus(kind: "memory", largestPacket: Limits.packet, sendsFragments: true)
  }

  func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {}

  func transmit(_ frames: inout FrameBulk) -> Int {
    state.withLock { state in
      state.offered.append(frames.count)
      var kept: [Descriptor] = []
      var marks: [UInt32] = []
      for position in 0..<frames.count {
        let descriptor = unsafe frames.descriptors[position]
        if state.tooLong.contains(Int(descriptor.byteCount)) {
          descriptor.reason = DropReason.mtu.rawValue
          kept.append(descriptor)
        } else if state.room > 0 {
          state.room -= 1
          marks.append(unsafe descriptor.data.load(as: UInt32.self))
          Frame(owning: descriptor).recycle(.shutdown)
        } else {
          descriptor.reason = state.refusal.rawValue
          kept.append(descriptor)
        }
      }
      frames.removeFirst(frames.count)
      for descriptor in kept { frames.append(Frame(owning: descriptor)) }
      state.bulks.append(marks)
      if !marks.isEmpty { state.journal?.note(name, marks.count) }
      return marks.count
    }
  }

  func pollDescriptor(queue: Int) -> Int32? { nil }
  func maintain(queue: Int) { state.withLock { $0.maintenanceCount += 1 } }
  func detach() { state.withLock { $0.isDetached = true } }

  /// The marks of all frames sent, in order.
  var marks: [UInt32] { state.withLock { $0.bulks.flatMap { $0 } } }
  /// How many frames each call sent, calls that sent none left out.
  var bulkCounts: [Int] { state.withLock { $0.bulks.map(\.count).filter { $0 > 0 } } }
}

/// The calls of several ports, in order: which port, and how many frames it sent.
final class Journal: Sendable {
  private let calls = Mutex<[String]>([])

  func note(_ name: String, _ count: Int) { calls.withLock { $0.append("\(name) \(count)") } }

  var notes: [String] { calls.withLock { $0 } }
}
