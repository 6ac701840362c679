// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// What a burst came to: its packets sorted by verdict, and each kind acted on together.
///
/// Shared by receive loops and workers, which differ only in who sends on TX: a loop its own port, a worker the port
/// that each packet arrived by.
struct Outcomes: ~Copyable {
  let routes: Routes
  let tally: Tally
  /// Whose packets these are: `.receive` for a loop, `.worker` for a worker.
  let owner: Owner
  var drops = FrameBulk()
  var transmits = FrameBulk()
  var passes = FrameBulk()
  var redirects = RedirectBurst()
  var group = RedirectBurst()
  /// The port that the frames in ``transmits`` leave by.
  private var transmitPort: UInt32 = 0
  private var counts = Counts()

  /// How many packets of the burst had which verdict; written to the tally once.
  private struct Counts {
    var drop = 0
    var aborted = 0
    var unknown = 0
    var tailroom = 0
  }

  init(routes: Routes, tally: Tally, owner: Owner) {
    self.routes = routes
    self.tally = tally
    self.owner = owner
  }

  /// Acts on the verdicts, then empties the burst.
  ///
  /// - Parameters:
  ///   - burst: Run by a program.
  ///   - port: Where TX leads; nil for each packet's own.
  @inline(__always)
  mutating func act(on burst: inout Burst, receivedBy port: (any Port)?) {
    sort(&burst, port: port)
    flush(port)
  }

  private mutating func sort(_ burst: inout Burst, port: (any Port)?) {
    let count = burst.count
    var position = 0
    while position < count {
      let verdict = unsafe burst.verdicts[position]
      if verdict == .drop {
        counts.drop &+= 1
        drops.append(burst.takeHome(at: position))
      } else {
        sortOther(&burst, position, verdict, port)
      }
      position &+= 1
    }
    burst.removeAll()
  }

  @inline(__always)
  private mutating func sortOther(
    _ burst: inout Burst, _ position: Int, _ verdict: Verdict, _ port: (any Port)?
  ) {
    guard verdict.rawValue &- 2 <= 2 else {
      if verdict == .aborted { counts.aborted &+= 1 } else { countUnknown(verdict) }
      return drops.append(burst.takeHome(at: position))
    }
    let target = burst[position].target
    guard let frame = burst.takeFrame(at: position) else {
      counts.tailroom &+= 1
      return drops.append(burst.takeHome(at: position))
    }
    if verdict == .redirect {
      redirects.append(frame, to: target)
    } else if verdict == .pass {
      passes.append(frame)
    } else {
      appendTransmit(frame, port)
    }
  }

  /// Collects a frame for TX; frames of another port than the last wait for those to leave.
  mutating func appendTransmit(_ frame: consuming Frame, _ port: (any Port)?) {
    if port == nil {
      let number = frame.queue.port
      if number != transmitPort { flushTransmits(nil) }
      transmitPort = number
    }
    transmits.append(frame)
  }

  private mutating func countUnknown(_ verdict: Verdict) {
    counts.unknown &+= 1
    routes.warnOnce(about: verdict)
  }

  private mutating func flush(_ port: (any Port)?) {
    if redirects.count > 0 { flushRedirects(port) }
    if !transmits.isEmpty { flushTransmits(port) }
    if !passes.isEmpty { flushPasses() }
    guard !drops.isEmpty else { return }
    if counts.drop > 0 { tally.drop(counts.drop, .programDrop) }
    if counts.aborted > 0 { tally.add(counts.aborted, to: .aborted) }
    if counts.unknown > 0 { tally.drop(counts.unknown, .badVerdict) }
    if counts.tailroom > 0 { tally.drop(counts.tailroom, .tailroom) }
    counts = Counts()
    drops.recycle(.programDrop)
  }

  /// Sends what is to leave by the port it came by.
  private mutating func flushTransmits(_ port: (any Port)?) {
    guard !transmits.isEmpty else { return }
    if let port {
      tally.add(port.transmit(&transmits), to: .transmit)
    } else {
      let number = transmitPort
      let sent = routes.ports.with(Int(number)) { $0.port.transmit(&transmits) }
      if let sent { tally.add(sent, to: .transmit) } else { transmits.refuseAll(.portGone) }
    }
    transmits.recycleRefused(countedIn: tally, full: .transmitFull)
  }

  /// Hands what is passed to the port that stands for the stack.
  private mutating func flushPasses() {
    let sent = routes.passPort.with(0) { $0.port.transmit(&passes) }
    if let sent {
      tally.add(sent, to: .pass)
    } else {
      passes.refuseAll(.passUnconfigured)
    }
    passes.recycleRefused(countedIn: tally, full: .passFull)
  }
}

extension FrameBulk {
  /// Gives every frame the same reason for not having been sent.
  fileprivate mutating func refuseAll(_ reason: DropReason) {
    for position in 0..<count { unsafe descriptors[position].reason = reason.rawValue }
  }

  /// Counts the frames that a port left, each by its own reason, and sends them home.
  fileprivate mutating func recycleRefused(countedIn tally: Tally, full: DropReason) {
    for position in 0..<count {
      let reason = unsafe DropReason(rawValue: descriptors[position].reason)
      tally.drop(1, reason == .transmitFull ? full : reason ?? .transmitError)
    }
    recycle()
  }
}
