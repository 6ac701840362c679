// SPDX-License-Identifier: Apache-2.0

internal import Syscalls
internal import XDPFrame

/// What a TAP port knows about its interface; under the port's lock.
struct TAPHealth: ~Copyable {
  var watch: InterfaceWatch
  var isClosed = false
  /// Whether packets are to come in.
  var isWanted = true
  /// Whether there is an interface behind the queues.
  ///
  /// While there is none they are not waited for, because they would never be silent.
  var isAttached = true
  /// Why the port could not attach again; nil when nothing failed.
  private var failure: String?
  /// When what failed is tried again, and how long to wait after the next failure, in nanoseconds.
  private var nextTry: UInt64 = 0
  private var backOff = TAPHealth.shortestBackOff
  /// What former interfaces have dropped while the port was attached, and what this one had dropped before.
  private var droppedByFormer: UInt64 = 0
  private var droppedBefore: UInt64
  private var droppedNow: UInt64

  private static let shortestBackOff: UInt64 = 50_000_000
  private static let longestBackOff: UInt64 = 1_000_000_000

  init(_ watch: consuming InterfaceWatch) {
    droppedBefore = watch.state.transmitDropped
    droppedNow = droppedBefore
    self.watch = watch
  }

  /// Packets that the kernel had no room for in a queue.
  var kernelDropped: UInt64 { droppedByFormer &+ (droppedNow &- droppedBefore) }

  /// Takes in what the interface has counted.
  mutating func count(_ state: InterfaceState) {
    guard isAttached, state.index == watch.state.index else { return }
    droppedNow = max(droppedNow, state.transmitDropped)
  }

  /// Another interface has taken the place of the one before.
  mutating func beginAnew() {
    droppedByFormer = kernelDropped
    droppedBefore = watch.state.transmitDropped
    droppedNow = droppedBefore
    failure = nil
    nextTry = 0
    backOff = TAPHealth.shortestBackOff
    isAttached = true
  }

  /// Whether it is time to try again what failed.
  func mayTry(at now: UInt64) -> Bool { now >= nextTry }

  mutating func noteFailure(_ error: SystemCallError, at now: UInt64) {
    failure = "\(error)"
    nextTry = now &+ backOff
    backOff = min(backOff * 2, TAPHealth.longestBackOff)
  }

  /// Tells every lane whether frames may be sent.
  func publish(to condition: PortCondition) {
    condition.largestPacket = watch.state.largestPacket
    condition.refusal =
      isClosed ? .shutdown : !isAttached ? .portGone : watch.state.isUp ? nil : .portDown
  }

  /// How the port is, and why.
  var condition: (state: PortStatus.State, reason: String) {
    if isClosed { return (.closed, "the port was closed") }
    if !isAttached { return (.gone, failure ?? watch.absence ?? "the interface was deleted") }
    if !watch.state.isUp { return (.down, "the interface is down") }
    return isWanted ? (.up, "") : (.down, "the port was detached")
  }
}
