// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// Whether a place takes programs that do not accept fragments.
enum FragmentRule: Sendable {
  /// It takes any: packets with fragments are kept from those that do not accept them.
  case none
  /// It takes those that accept what may come in.
  case port(any Port)
  /// It takes those that accept what the map's first program accepts.
  case map(FragmentAgreement)

  /// Refuses a program that the place does not take.
  func check(_ program: any Program, named name: String) throws(MapError) {
    let name = name.isEmpty ? "the program" : name
    switch self {
    case .none: break
    case .port(let port): try FragmentRule.check(program, named: name, at: port)
    case .map(let agreement): try agreement.check(program, named: name)
    }
  }

  /// A packet that does not fit one buffer has fragments.
  ///
  /// Source: `veth_xdp_set()`, `drivers/net/veth.c`; other drivers have other numbers for it.
  private static func check(
    _ program: any Program, named name: String, at port: any Port
  ) throws(MapError) {
    guard !program.acceptsFragments else { return }
    let status = port.status
    guard status.receivesFragments else { return }
    throw MapError(
      .range,
      "port \(port.name): \(name) does not accept fragments, and packets of up to"
        + " \(status.largestReceived) octets do not fit a buffer that holds"
        + " \(status.singleBufferByteCount)")
  }
}

/// All programs of a map agree on fragments, so that a frame which may enter it may meet any of them.
///
/// Source: `bpf_prog_map_compatible()`, `kernel/bpf/core.c`. As there, the first program decides for as long as the map
/// lives.
final class FragmentAgreement: Sendable {
  private let decided = Mutex<Bool?>(nil)
  private let reason: MapError.Reason

  /// - Parameter reason: What the map's refusal is called.
  init(refusing reason: MapError.Reason) {
    self.reason = reason
  }

  func check(_ program: any Program, named name: String) throws(MapError) {
    let accepts = program.acceptsFragments
    let decided = decided.withLock { decided in
      if decided == nil { decided = accepts }
      return decided
    }
    guard decided != accepts else { return }
    throw MapError(
      reason,
      accepts
        ? "\(name) accepts fragments, and the other programs of this map do not"
        : "\(name) does not accept fragments, and the other programs of this map do")
  }
}
