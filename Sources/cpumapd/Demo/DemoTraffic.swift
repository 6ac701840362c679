// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls
import Wire

/// Sends numbered packets from the demo's far end at a steady rate, and checks those that come back.
final class DemoTraffic: Sendable {
  private let end: any DemoEnd
  private let byteCounts: [Int]
  private let rate: Int
  private let isStopping = Atomic(false)
  private let hasEnded = Atomic(false)
  private let sent = Atomic<Int>(0)
  private let check = Mutex(NumberedPacketCheck())
  private let threads = Mutex<Threads>(Threads())

  private struct Threads: ~Copyable {
    var sender: Thread?
    var receiver: Thread?
  }

  static let flowCount = 64

  init(_ end: any DemoEnd, byteCounts: [Int], rate: Int) {
    self.end = end
    self.byteCounts = byteCounts
    self.rate = rate
  }

  /// Packets sent so far.
  var sentCount: Int { sent.load(ordering: .relaxed) }
  /// Packets that came back whole, and those that came back damaged.
  var returned: (intact: Int, damaged: Int) {
    check.withLock { ($0.intact, $0.damaged) }
  }

  /// Starts sending and checking.
  func start() throws {
    let sender = try Thread(name: "demo/send") { [self] in send() }
    let receiver = try Thread(name: "demo/return") { [self] in receive() }
    keep(sender, receiver)
  }

  private func keep(_ sender: consuming Thread, _ receiver: consuming Thread) {
    var sender = Optional(sender)
    var receiver = Optional(receiver)
    threads.withLock {
      $0.sender = sender.take()
      $0.receiver = receiver.take()
    }
  }

  /// Stops sending; what is under way still comes back.
  func stopSending() {
    isStopping.store(true, ordering: .releasing)
    let running = threads.withLock { $0.sender.take() }
    running?.join()
  }

  /// Stops checking.
  func stopReceiving() {
    hasEnded.store(true, ordering: .releasing)
    let running = threads.withLock { $0.receiver.take() }
    running?.join()
  }

  private func send() {
    var packets = (0..<DemoTraffic.flowCount).map { flow in
      byteCounts.map { NumberedPacket(flow: UInt32(flow), place: 0).octets(byteCount: $0) }
    }
    let started = clinux_now()
    var number = 0
    while !isStopping.load(ordering: .acquiring) {
      let due = Int(Double(clinux_now() - started) / 1e9 * Double(rate))
      guard number < due else {
        Thread.sleep(for: .microseconds(200))
        continue
      }
      let flow = number % DemoTraffic.flowCount
      let place = number / DemoTraffic.flowCount
      let kind = (flow + place) % byteCounts.count
      var span = packets[flow][kind].mutableSpan
      var octets = unsafe span.mutableBytes
      NumberedPacket(flow: UInt32(flow), place: UInt32(place)).renumber(&octets)
      guard end.send(packets[flow][kind]) else { continue }
      number += 1
      sent.store(number, ordering: .relaxed)
    }
  }

  private func receive() {
    while !hasEnded.load(ordering: .acquiring) {
      end.receive { packet in check.withLock { $0.see(packet) } }
    }
  }
}
