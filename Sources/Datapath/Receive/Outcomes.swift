// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// What a burst came to: its packets sorted by verdict, and each kind acted on together.
///
/// Shared by receive loops and workers, which differ only in who sends on TX: a loop its own port, a worker the port
/// that each packet arrived by.
struct Outcomes: ~Copyable {
  let routes: Routes
  let tally: Tally
  /// Where a loop's TX leads; nil for a worker, whose packets came by any port.
  let port: PortReference?
  /// Packets that the program dropped.
  var drops = FrameBulk()
  /// Packets that end here for another reason, which each of them says.
  var failures = FrameBulk()
  var transmits = FrameBulk()
  var passes = FrameBulk()
  var redirects = RedirectBurst()
  /// The redirected frames of one map, while that map takes them.
  var group = RedirectBurst()
  /// The frames that leave by one port, where ``transmits`` holds frames of several.
  private var leaving = FrameBulk()

  init(routes: Routes, tally: Tally, receivedBy port: PortReference?) {
    self.routes = routes
    self.tally = tally
    self.port = port
  }

  /// Acts on the verdicts that a program gave, then empties the burst.
  ///
  /// - Parameters:
  ///   - burst: The packets.
  ///   - decided: How many have a verdict; the others have more fragments than the program accepts.
  @inline(__always)
  mutating func act(on burst: inout Burst, decided: Int) {
    if decided < burst.count { failUndecided(&burst, from: decided) }
    sort(&burst, count: decided)
    flush()
  }

  @inline(never)
  private mutating func failUndecided(_ burst: inout Burst, from first: Int) {
    for position in first..<burst.count {
      fail(burst.takeHome(at: position), .tooManyFragments)
    }
  }

  /// Sorts the packets by verdict; of those that are dropped nothing is read but the way home.
  private mutating func sort(_ burst: inout Burst, count: Int) {
    var position = 0
    while position < count {
      let verdict = unsafe burst.verdicts[position]
      if verdict == .drop {
        drops.append(burst.takeHome(at: position))
      } else {
        sortOther(&burst, position, verdict)
      }
      position &+= 1
    }
    burst.removeAll()
  }

  @inline(__always)
  private mutating func sortOther(_ burst: inout Burst, _ position: Int, _ verdict: Verdict) {
    guard verdict.rawValue &- 2 <= 2 else {
      return failUnlessHandled(burst.takeHome(at: position), verdict)
    }
    let target = burst[position].target
    guard let frame = burst.takeFrame(at: position) else {
      return fail(burst.takeHome(at: position), .tailroom)
    }
    if verdict == .redirect {
      redirects.append(frame, to: target)
    } else if verdict == .pass {
      passes.append(frame)
    } else {
      transmits.append(frame)
    }
  }

  /// ABORTED, and verdicts that are none.
  @inline(never)
  private mutating func failUnlessHandled(_ frame: consuming Frame, _ verdict: Verdict) {
    if verdict == .aborted { return abort(frame) }
    routes.warnOnce(about: verdict)
    fail(frame, .badVerdict)
  }

  /// Counts a packet whose program failed; it has a column of its own, apart from the drops.
  mutating func abort(_ frame: consuming Frame) {
    tally.add(1, to: .aborted)
    frame.descriptor.reason = DropReason.programAborted.rawValue
    failures.append(frame)
  }

  /// Counts a packet that goes no further.
  mutating func fail(_ frame: consuming Frame, _ reason: DropReason) {
    tally.drop(1, reason)
    frame.descriptor.reason = reason.rawValue
    failures.append(frame)
  }

  /// Acts on each kind at once; misses of redirects join the other kinds first.
  private mutating func flush() {
    if redirects.count > 0 { flushRedirects() }
    if !transmits.isEmpty { flushTransmits() }
    if !passes.isEmpty { flushPasses() }
    if !drops.isEmpty {
      tally.drop(drops.count, .programDrop)
      drops.recycle(.programDrop)
    }
    if !failures.isEmpty { failures.recycle() }
  }

  /// Sends what is to leave by the port it came by.
  private mutating func flushTransmits() {
    if let port = unsafe port.map(Unmanaged.passUnretained) {
      // Safe: the reference is this value's own.
      let sent = unsafe port._withUnsafeGuaranteedRef { $0.port.transmit(&transmits) }
      return closeTransmits(sent)
    }
    // One call for each port, whatever the order in which their frames stand.
    swap(&leaving, &transmits)
    while !leaving.isEmpty {
      let number = unsafe leaving.descriptors[0].queue.port
      leaving.moveFrames(into: &transmits) { $0.queue.port == number }
      let sent = routes.ports.reader.with(Int(number)) { $0.port.transmit(&transmits) }
      if sent == nil { transmits.refuseAll(.portGone) }
      closeTransmits(sent ?? 0)
    }
  }

  /// Counts what was sent and ends what the port left.
  private mutating func closeTransmits(_ sent: Int) {
    tally.add(sent, to: .transmit)
    guard !transmits.isEmpty else { return }
    tally.add(transmits.count, to: .transmitErrors)
    transmits.recycleRefused(countedIn: tally, full: .transmitFull)
  }

  /// Hands what is passed to the port that stands for the stack.
  private mutating func flushPasses() {
    let sent = routes.passPort.reader.with(0) { $0.port.transmit(&passes) }
    if sent == nil { passes.refuseAll(.passUnconfigured) }
    tally.add(sent ?? 0, to: .pass)
    if !passes.isEmpty { passes.recycleRefused(countedIn: tally, full: .passFull) }
  }
}

extension FrameBulk {
  /// Gives every frame the same reason for not having been sent.
  fileprivate mutating func refuseAll(_ reason: DropReason) {
    for position in 0..<count { unsafe descriptors[position].reason = reason.rawValue }
  }

  /// Counts the frames that a port left, each by its own reason, and sends them home.
  ///
  /// - Parameters:
  ///   - tally: Where they are counted.
  ///   - full: What a port without room is called here.
  fileprivate mutating func recycleRefused(countedIn tally: Tally, full: DropReason) {
    for position in 0..<count {
      let descriptor = unsafe descriptors[position]
      let said = DropReason(rawValue: descriptor.reason) ?? .transmitError
      let reason = said == .transmitFull ? full : said
      descriptor.reason = reason.rawValue
      tally.drop(1, reason)
    }
    recycle()
  }
}
