// SPDX-License-Identifier: Apache-2.0

import Control
import Wire
import XDPFrame

/// What a replay came to.
struct ReplayBooks {
  /// The capture.
  let input: String
  /// The ledger of the datapath.
  var report = Report(mode: .memory, seconds: 0)
  /// Packets replayed.
  private(set) var packetCount: UInt64 = 0
  /// Records of how packets left, of which another record shows how they came in; left out.
  var departureCount: UInt64 = 0
  /// Packets of which the capture has only the beginning.
  private(set) var cutCount: UInt64 = 0
  /// Packets longer than the MTU of the port that received them.
  private(set) var longCount: UInt64 = 0
  /// Whether the capture was read to its end.
  var isComplete = true
  /// Why the end of the record could not be written.
  var fault: ReplayError?
  /// The first packet whose way the ledger does not account for.
  private var lostPacket: String?
  /// The longest packet that each port may receive.
  private let limits: [Int]

  init(_ configuration: Configuration, input: String) {
    self.input = input
    limits = configuration.ports.map { $0.longestPacket }
  }

  /// Counts a packet that comes in.
  mutating func note(_ packet: CapturedPacket, at port: Int) {
    packetCount += 1
    if packet.isCut { cutCount += 1 }
    if packet.originalByteCount > limits[port] { longCount += 1 }
  }

  /// Checks the law for one packet: wherever it was received, it ended.
  mutating func check(_ way: ReplayWay) {
    guard lostPacket == nil else { return }
    for stage in way.stages where stage.fate.received != stage.fate.ended {
      lostPacket =
        "packet \(way.packetID): received \(stage.fate.received) at \(stage.place), "
        + "ended \(stage.fate.ended)"
    }
  }

  /// The laws that do not hold.
  var violations: [String] {
    report.lawViolations().map(\.description) + (lostPacket.map { [$0] } ?? [])
  }
}

// MARK: - Text and JSON

extension ReplayBooks {
  /// For people: every counter, every law with its numbers, and what the capture had that a port would not see.
  var text: String {
    let laws = report.equations.map { "  \($0.subject): \($0)\n" }.joined()
    return report.statisticsText + "\nlaws:\n" + laws + "\n" + summary
  }

  private var summary: String {
    let span = Figure.fixed(report.seconds, digits: 6)
    var lines = ["replayed \(packetCount) packets of \(input.printable), \(span) s"]
    if departureCount > 0 {
      lines.append("left out \(departureCount) records of how packets left")
    }
    if cutCount > 0 {
      lines.append("\(cutCount) packets were cut when they were captured, and replayed as they are")
    }
    if longCount > 0 {
      lines.append(
        "\(longCount) packets are longer than their port's MTU: captured behind offloads, such as GRO"
      )
    }
    if !isComplete { lines.append("the capture was not read to its end") }
    return lines.map { $0 + "\n" }.joined()
  }

  /// The contract's object, and what is known about the capture.
  var json: JSON {
    guard case .object(var object) = report.json else { return report.json }
    object["replay"] = [
      "input": .string(input), "packets": JSON(packetCount), "departures": JSON(departureCount),
      "cut": JSON(cutCount), "longer_than_mtu": JSON(longCount), "complete": .boolean(isComplete),
    ]
    return .object(object)
  }
}

extension Configuration.Port {
  /// The longest packet that the interface lets in, with an Ethernet header and a VLAN tag.
  var longestPacket: Int {
    guard let afxdp else { return Limits.packet }
    return afxdp.mtu + Configuration.AFXDP.framing
  }
}
