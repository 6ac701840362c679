// SPDX-License-Identifier: Apache-2.0

import Datapath
import MemModels
import Ports
import XDPFrame

/// One step of a packet's way: where it was, what ran there, and how that ended.
struct ReplayStage {
  /// `port=wan` or `entry=w1`.
  let place: String
  /// The operator's name for the program; nil for none.
  let program: String?
  let fate: ReplayFate
  /// The ports that frames were sent out of.
  var out: [String] = []

  /// The step for people and filters: `port=wan program=steer verdict=redirect`.
  var text: String {
    var text = place
    if let program { text += " program=\(program)" }
    if let verdict = fate.verdict { text += " verdict=\(verdict.name)" }
    if let reason = fate.reason { text += " reason=\(reason.name)" }
    for port in out { text += " out=\(port)" }
    return text
  }
}

extension Verdict {
  /// The kernel's name in small letters, without what all names have in common.
  fileprivate var name: String {
    switch self {
    case .aborted: "aborted"
    case .drop: "drop"
    case .pass: "pass"
    case .transmit: "tx"
    case .redirect: "redirect"
    default: "\(rawValue)"
    }
  }
}

/// The way of one packet.
struct ReplayWay {
  /// A frame that was sent.
  struct Sent {
    /// The number of the port.
    let lane: Int
    /// The number of the step that sent it.
    let stage: Int
    let octets: [UInt8]
  }

  /// Counts from 1; all records of the packet carry it.
  let packetID: UInt64
  /// In nanoseconds since 1970.
  let time: UInt64
  /// The number of the port that it came in by.
  let lane: Int
  /// The flow hash, where steering computed one.
  var flow: UInt32?
  var stages: [ReplayStage] = []
  var sent: [Sent] = []

  /// All of it on one line.
  var text: String {
    let flow = flow.map { value in
      let digits = String(value, radix: 16)
      return "flow=" + String(repeating: "0", count: 8 - digits.count) + digits + "; "
    }
    return (flow ?? "") + stages.map(\.text).joined(separator: "; ")
  }
}

/// A port of the configuration, as a replay has it: in memory, with the loop that serves it.
struct ReplayLane {
  let name: String
  /// What the configuration says it is.
  let kind: String
  let port: MemoryPort
  /// Whether its program chooses an entry by the flow hash.
  let isSteering: Bool
  private let loop: ReceiveLoop
  private let tally: Tally
  private let program: String?
  private var counts: ReplayCounts

  static func all(of wiring: Wiring) -> [ReplayLane] {
    wiring.ports.compactMap { wired in
      guard let port = wired.port as? MemoryPort, let loop = wired.loops.first else { return nil }
      return ReplayLane(wired.configuration, port, loop, in: wiring)
    }
  }

  private init(
    _ configuration: Configuration.Port, _ port: MemoryPort, _ thread: LoopThread, in wiring: Wiring
  ) {
    name = configuration.name
    kind = configuration.kindName
    self.port = port
    isSteering = configuration.program == nil && !wiring.configuration.steeredEntries.isEmpty
    loop = ReceiveLoop(
      port: port, queue: 0, program: thread.program, tally: thread.tally, in: wiring.datapath)
    tally = thread.tally
    program = thread.program.label?.name
    counts = ReplayCounts(thread.tally)
  }

  /// Lets a packet come in; one that no port could receive is counted as the port would.
  func receive(_ octets: UnsafeRawBufferPointer) {
    let isPacket = octets.count >= Limits.ethernetHeader
    if unsafe isPacket && port.put(octets) { return }
    tally.add(1, to: .received)
    tally.add(octets.count, to: .receivedBytes)
    tally.drop(1, isPacket ? .tooManyFragments : .truncated)
  }

  /// Runs the program over what came in.
  mutating func stage() -> ReplayStage {
    let ran = loop.poll(budget: 1) > 0
    return ReplayStage(
      place: "port=\(name)", program: ran ? program : nil, fate: counts.advance())
  }
}

/// An entry of the configuration, as a replay has it: without a thread.
struct ReplayStation {
  private let entry: CPUMapEntry
  private var counts: ReplayCounts

  /// All, in the order of their keys.
  static func all(of wiring: Wiring) -> [ReplayStation] {
    wiring.datapath.cpuMap.allEntries.sorted { $0.key < $1.key }
      .map { ReplayStation(entry: $0, counts: ReplayCounts($0.tally)) }
  }

  /// Whether a frame waits there.
  var hasWork: Bool { entry.depth > 0 }

  /// Runs the entry's program over what waits.
  mutating func stage() -> ReplayStage {
    entry.poll()
    return ReplayStage(
      place: "entry=\(entry.name)", program: entry.program.label?.name, fate: counts.advance())
  }
}
