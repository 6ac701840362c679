// SPDX-License-Identifier: Apache-2.0

import Datapath
import Ports
import Testing
import XDPFrame

/// Random mixtures of verdicts against a ledger that a test keeps on paper.
@Suite struct MixtureTests {
  /// What a packet is told to do, and the counter that it must end in.
  private enum Fate: CaseIterable {
    case drop, pass, transmit, aborted, unknown
    case redirect, missDrop, missPass, missTransmit, missAborted, noMap

    var verdict: Verdict {
      switch self {
      case .drop: .drop
      case .pass: .pass
      case .transmit: .transmit
      case .aborted: .aborted
      case .unknown: Verdict(rawValue: 77)
      default: .redirect
      }
    }

    var target: RedirectTarget {
      let map = Datapath.devMapNumber
      return switch self {
      case .redirect: RedirectTarget(map: map, key: 1, onMiss: .drop)
      case .missDrop: RedirectTarget(map: map, key: 2, onMiss: .drop)
      case .missPass: RedirectTarget(map: map, key: 2, onMiss: .pass)
      case .missTransmit: RedirectTarget(map: Datapath.cpuMapNumber, key: 3, onMiss: .transmit)
      case .missAborted: RedirectTarget(map: map, key: 4)
      default: RedirectTarget(map: 50, key: 1, onMiss: .pass)
      }
    }
  }

  /// Tells packets to do what a list says.
  private final class Told: PacketProgram {
    private let fates: [Fate]
    private var next = 0

    init(_ fates: [Fate]) { self.fates = fates }

    func run(_ packet: inout Buff) -> Verdict {
      defer { next += 1 }
      packet.target = fates[next].target
      return fates[next].verdict
    }
  }

  @Test(arguments: UInt64(1)...20)
  func anyMixtureIsAccountedForToThePacketAndInOrder(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    let stack = RecordingPort("stack", registry: bench.registry)
    try bench.datapath.devMap.update(1, device)
    bench.datapath.setPassPort(stack)
    // Mixtures of few kinds make long runs of one kind, those of all kinds make short ones.
    let kinds = Fate.allCases.shuffled(using: &random)
      .prefix(.random(in: 1...Fate.allCases.count, using: &random))
    let fates = (0..<500).map { _ in kinds.randomElement(using: &random) ?? .drop }
    let driver = try bench.run(Told(fates), packets: fates.count)

    func count(_ kinds: Fate...) -> UInt64 { UInt64(fates.count { kinds.contains($0) }) }
    let tally = driver.tally
    #expect(tally[.received] == 500)
    #expect(tally[DropReason.programDrop] == count(.drop))
    #expect(tally[DropReason.badVerdict] == count(.unknown))
    #expect(tally[DropReason.noEntry] == count(.missDrop, .noMap))
    #expect(tally.dropped == count(.drop, .unknown, .missDrop, .noMap))
    #expect(tally[.aborted] == count(.aborted, .missAborted))
    #expect(tally[.pass] == count(.pass, .missPass))
    #expect(tally[.transmit] == count(.transmit, .missTransmit))
    #expect(tally[.redirect] == count(.redirect))
    #expect(device.marks == marks(of: [.redirect], in: fates))
    expectOrderWithinKinds(stack.marks, [.pass, .missPass], fates)
    expectOrderWithinKinds(bench.takeSentMarks(), [.transmit, .missTransmit], fates)
    #expect(device.bulkCounts.allSatisfy { $0 <= DevMap.bulkCount })
    bench.expectAllHome()
  }

  private func marks(of kinds: [Fate], in fates: [Fate]) -> [UInt32] {
    fates.indices.filter { kinds.contains(fates[$0]) }.map { UInt32($0) }
  }

  /// Misses leave behind those of their burst that meant it, so the order holds within each kind.
  private func expectOrderWithinKinds(_ sent: [UInt32], _ kinds: [Fate], _ fates: [Fate]) {
    for kind in kinds {
      #expect(sent.filter { fates[Int($0)] == kind } == marks(of: [kind], in: fates))
    }
    #expect(sent.count == marks(of: kinds, in: fates).count)
  }
}
