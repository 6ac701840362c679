// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls
import TestSupport
import Wire

/// Numbered packets, sent from the far end of the cable.
final class Traffic: Sendable {
  private let byteCounts: [Int]
  private let flowCount: Int
  private let rate: Int?
  private let sent = Atomic<Int>(0)
  private let isStopping = Atomic(false)

  /// Describes traffic: flows, lengths in turn within a flow, packets a second (nil: as fast as it goes).
  init(flowCount: Int = 64, byteCounts: [Int] = [64], rate: Int? = nil) {
    self.flowCount = flowCount
    self.byteCounts = byteCounts
    self.rate = rate
  }

  /// Packets that the kernel took from us.
  var sentCount: Int { sent.load(ordering: .relaxed) }

  /// Ends sending soon.
  func stop() { isStopping.store(true, ordering: .releasing) }

  /// Starts sending in the background: up to `limit` packets, or until ``stop()``.
  func start(_ limit: Int, on pair: borrowing NamespacePair) throws -> Syscalls.Thread {
    let left = pair.left
    let handed = Handed(try pair.a.run { try PacketSocket(left, receives: false) })
    return try Syscalls.Thread(name: "traffic") { [self] in send(limit, by: handed) }
  }

  /// Sends a number of packets and waits until all have left.
  func run(_ count: Int, on pair: borrowing NamespacePair) throws {
    try start(count, on: pair).join()
  }

  /// A socket on its way to the one thread that uses it.
  private final class Handed: @unchecked Sendable {
    // Safe: made here, used by the thread that it is handed to and by nobody else.
    let socket: PacketSocket
    init(_ socket: consuming PacketSocket) { self.socket = socket }
  }

  private func send(_ limit: Int, by handed: Handed) {
    // A packet for every flow and length, renumbered in place.
    let length = byteCounts.reduce(0, max)
    let stride = (length + 63) & ~63
    let kinds = flowCount * byteCounts.count
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: stride * kinds, alignment: 64)
    defer { unsafe memory.deallocate() }
    for flow in 0..<flowCount {
      for (kind, byteCount) in byteCounts.enumerated() {
        let octets = NumberedPacket(flow: UInt32(flow), place: 0).octets(byteCount: byteCount)
        let start = (flow * byteCounts.count + kind) * stride
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + byteCount])
          .copyBytes(from: octets)
      }
    }
    let batch = UnsafeMutablePointer<UnsafeRawBufferPointer>.allocate(capacity: 32)
    defer { unsafe batch.deallocate() }
    let started = clinux_now()
    var number = 0
    while number < limit, !isStopping.load(ordering: .acquiring) {
      let count = min(due(number, since: started), min(32, min(flowCount, limit - number)))
      guard count > 0 else {
        Syscalls.Thread.sleep(for: .microseconds(100))
        continue
      }
      for position in 0..<count {
        unsafe batch[position] = prepare(number + position, in: memory, stride: stride)
      }
      let taken = (try? unsafe handed.socket.send(batch, count: count)) ?? 0
      if taken == 0 { Syscalls.Thread.sleep(for: .microseconds(50)) }
      number += taken
      sent.store(number, ordering: .relaxed)
    }
  }

  private func due(_ number: Int, since started: UInt64) -> Int {
    guard let rate else { return 32 }
    return Int(Double(clinux_now() - started) / 1e9 * Double(rate)) - number
  }

  private func prepare(
    _ number: Int, in memory: UnsafeMutableRawBufferPointer, stride: Int
  )
    -> UnsafeRawBufferPointer
  {
    let (place, flow) = number.quotientAndRemainder(dividingBy: flowCount)
    let kind = (flow + place) % byteCounts.count
    let start = (flow * byteCounts.count + kind) * stride
    let room = unsafe UnsafeMutableRawBufferPointer(
      rebasing: memory[start..<start + byteCounts[kind]])
    var span = unsafe room.mutableBytes
    NumberedPacket(flow: UInt32(flow), place: UInt32(place)).renumber(&span)
    return UnsafeRawBufferPointer(room)
  }
}
