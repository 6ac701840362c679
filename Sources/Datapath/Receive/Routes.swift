// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// What verdicts lead to: ports by number, maps by number, and the port that stands for the stack.
///
/// Read by every loop and worker inside its section; changed by the datapath.
final class Routes: Sendable {
  let ports = ReferenceTable<PortReference>(capacity: Routes.portLimit)
  let maps = ReferenceTable<MapReference>(capacity: 64)
  let passPort = ReferenceTable<PortReference>(capacity: 1)
  private let hasWarned = Atomic(false)
  private let hasWarnedAboutCopies = Atomic(false)
  private let warn: @Sendable (String) -> Void

  /// The numbers that ports may have: they are never used twice, so this is what may come and go.
  static let portLimit = 16_384

  init(warn: @escaping @Sendable (String) -> Void) {
    self.warn = warn
  }

  /// Warns about the first verdict that is none; the others are only counted.
  ///
  /// Source: `bpf_warn_invalid_xdp_action()`, `net/core/filter.c`, once per boot there.
  func warnOnce(about verdict: Verdict) {
    guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
    warn("a program answered \(verdict.rawValue), which is no verdict: expect packet loss")
  }

  /// Warns when the first packet was to go to several ports and there was no memory for its copies.
  func warnOnceAboutCopies() {
    guard !hasWarnedAboutCopies.exchange(true, ordering: .relaxed) else { return }
    warn("a packet was to go to several ports, and there is no memory for its copies")
  }
}

/// A port behind a class reference, and what it was asked to send for a redirect from elsewhere.
final class PortReference: Sendable {
  let port: any Port
  /// Frames that a redirect sent out of the port, by any thread: one addition for up to 16 of them.
  let redirectedIn = Atomic<UInt64>(0)
  /// Frames of a redirect that the port refused.
  let redirectedInErrors = Atomic<UInt64>(0)

  init(_ port: any Port) { self.port = port }
}

/// A map behind a class reference.
final class MapReference: Sendable {
  let map: any RedirectMap
  let kind: RedirectKind

  init(_ map: any RedirectMap) {
    self.map = map
    kind = map.kind
  }
}
