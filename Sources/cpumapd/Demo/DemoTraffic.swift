// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls
import Wire

/// Sends numbered packets over the demo's cable at a steady rate, and checks those that come back.
final class DemoTraffic: Sendable {
  private let network: DemoNetwork
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

  init(_ network: DemoNetwork, byteCounts: [Int], rate: Int) {
    self.network = network
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
    try network.sender.run {
      let out = Handed(try PacketSocket(network.peer, receives: false))
      let back = Handed(try PacketSocket(network.peer, receives: true))
      let sender = try Thread(name: "demo/send") { [self] in send(out) }
      let receiver = try Thread(name: "demo/return") { [self] in receive(back) }
      keep(sender, receiver)
    }
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

  /// A socket on its way to the one thread that uses it.
  private final class Handed: @unchecked Sendable {
    // Safe: made here, used by the thread that it is handed to and by nobody else.
    let socket: PacketSocket
    init(_ socket: consuming PacketSocket) { self.socket = socket }
  }

  private func send(_ handed: Handed) {
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
      if transmit(packets[flow][kind], by: handed) { number += 1 }
    }
  }

  /// Sends one packet; false means that the interface had no room, and that nothing was sent.
  private func transmit(_ packet: [UInt8], by handed: Handed) -> Bool {
    // Safe: the packet lives until the call returns.
    let count = unsafe packet.withUnsafeBytes { octets in
      var frame = unsafe octets
      return unsafe withUnsafePointer(to: &frame) {
        (try? unsafe handed.socket.send($0, count: 1)) ?? 0
      }
    }
    guard count == 1 else { return false }
    sent.wrappingAdd(1, ordering: .relaxed)
    return true
  }

  private func receive(_ handed: Handed) {
    var memory = [UInt8](repeating: 0, count: 65_536)
    while !hasEnded.load(ordering: .acquiring) {
      _ = try? Poll.wait(
        handed.socket.socket.raw, for: .readable, timeout: .milliseconds(20))
      // Safe: the array's storage lives for the duration of the call.
      unsafe memory.withUnsafeMutableBytes { room in
        while let count = try? unsafe handed.socket.receive(into: room), count > 0 {
          let octets = unsafe UnsafeRawBufferPointer(rebasing: room[..<count])
          check.withLock { unsafe $0.see(octets.bytes) }
        }
      }
    }
  }
}
