// SPDX-License-Identifier: Apache-2.0

import Arena
import Synchronization
import Testing
import XDPFrame

@Suite struct DescriptorTests {
  /// Each field gets its largest value, one after the other, and no neighbour changes.
  @Test func fieldsDoNotOverlap() throws {
    let fixture = try Fixture()
    let line = fixture.model.descriptor(0)
    line.dataOffset = .max
    line.byteCount = .max - 1
    line.metadataByteCount = .max
    line.hopCount = .max - 1
    line.flags = [.hasFragments, .sharedInfoBeside]
    line.frameByteCount = .max - 2
    line.memory = MemoryInfo(kind: MemoryKind(rawValue: 0xFFFE), id: 0xFFFD)
    line.generation = .max - 3
    line.setOwner(.worker, number: 0xFF_FFFE)
    unsafe line.users.pointee.store(.max - 4, ordering: .relaxed)
    line.queueNumber = .max
    line.reason = .max - 1
    line.flowHash = .max - 5
    line.placeSharedInfo(atOffset: 0x2_0000_0140)
    line.head = .max - 6
    line.time = .max - 7
    line.cookie = .max - 8
    #expect(line.dataOffset == UInt32.max)
    #expect(line.byteCount == UInt32.max - 1)
    #expect(line.metadataByteCount == UInt8.max)
    #expect(line.hopCount == UInt8.max - 1)
    #expect(line.flags == [.hasFragments, .sharedInfoBeside])
    #expect(line.frameByteCount == UInt32.max - 2)
    #expect(line.memory == MemoryInfo(kind: MemoryKind(rawValue: 0xFFFE), id: 0xFFFD))
    #expect(line.memoryID == 0xFFFD)
    #expect(line.generation == UInt32.max - 3)
    #expect(line.owner == .worker)
    #expect(line.ownerNumber == 0xFF_FFFE)
    unsafe #expect(line.users.pointee.load(ordering: .relaxed) == UInt32.max - 4)
    #expect(line.queueNumber == UInt16.max)
    #expect(line.reason == UInt16.max - 1)
    #expect(line.flowHash == UInt32.max - 5)
    #expect(line.head == UInt32.max - 6)
    #expect(line.time == UInt64.max - 7)
    #expect(line.cookie == UInt64.max - 8)
    // The line on either side is untouched.
    #expect(fixture.model.descriptor(1).frameByteCount == 4_096)
  }

  @Test(arguments: Owner.allCases)
  func anOwnerIsWrittenAndRead(owner: Owner) throws {
    let fixture = try Fixture()
    defer { withExtendedLifetime(fixture) {} }
    let line = fixture.model.descriptor(0)
    line.setOwner(owner, number: 9)
    #expect(line.owner == owner)
    #expect(line.ownerNumber == 9)
    line.owner = owner
    #expect(line.ownerNumber == 0)
    #expect(!owner.name.isEmpty)
  }

  @Test func anOwnerThatIsNoneReadsAsQuarantine() throws {
    let fixture = try Fixture()
    let line = fixture.model.descriptor(0)
    let octets = unsafe fixture.registry.arena.base + Int(line.offset)
    unsafe octets.storeBytes(of: 200, toByteOffset: 24, as: UInt8.self)
    #expect(line.owner == .quarantine)
    #expect(line.holder == .quarantine)
    #expect(fixture.model.census()[.quarantine] == 1)
  }

  @Test func aBufferBecomesFreeOnce() throws {
    let fixture = try Fixture()
    defer { withExtendedLifetime(fixture) {} }
    let line = fixture.model.descriptor(0)
    line.owner = .ring
    let before = line.generation
    #expect(line.becomeFree())
    #expect(line.owner == .free)
    #expect(line.generation == before + 1)
    #expect(!line.becomeFree())
    #expect(line.generation == before + 1)
  }

  @Test func generationsWrap() throws {
    let fixture = try Fixture()
    defer { withExtendedLifetime(fixture) {} }
    let line = fixture.model.descriptor(0)
    line.owner = .receive
    line.generation = .max
    #expect(line.becomeFree())
    #expect(line.generation == 0)
  }

  @Test func aHolderIsTheFramesWhoeverThatIs() throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 5_000)
    let part = try fixture.storage()
    let head = packet.descriptor
    let list = packet.sharedInfo
    let fragment = unsafe head.buffer(of: list.fragments[0])
    for owner in Owner.allCases where owner != .free {
      head.owner = owner
      #expect(fragment.holder == owner)
    }
    // A fragment that a port has handed to its kernel on its own stands for itself.
    fragment.setOwner(.transmit, number: 3)
    head.owner = .receive
    #expect(fragment.holder == .transmit)
    part.recycle()
    fragment.setOwner(.receive, number: head.generation)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }
}

@Suite struct SlotTests {
  @Test func goesThroughARingAndBack() throws {
    let fixture = try Fixture()
    let base = unsafe fixture.registry.arena.base
    let frame = try fixture.frame()
    let slot = Slot(frame.descriptor)
    #expect(slot.index == frame.descriptor.index)
    #expect(slot.generation == frame.descriptor.generation)
    #expect(slot.rawValue != 0)
    #expect(Slot(rawValue: slot.rawValue) == slot)
    unsafe #expect(slot.descriptor(base: base) == frame.descriptor)
    frame.recycle(.programDrop)
    unsafe #expect(slot.descriptor(base: base) == nil)
    #expect(fixture.model.isWhole)
  }

  @Test func isStaleInEveryLaterLife() throws {
    let fixture = try Fixture(capacity: 1)
    let base = unsafe fixture.registry.arena.base
    var slots: [Slot] = []
    for _ in 0..<10 {
      let frame = try fixture.frame()
      #expect(slots.allSatisfy { unsafe $0.descriptor(base: base) == nil })
      slots.append(Slot(frame.descriptor))
      frame.recycle(.programDrop)
    }
    #expect(Set(slots.map(\.rawValue)).count == 10)
    #expect(fixture.model.isWhole)
  }
}

@Suite struct TallyTests {
  @Test func everyCounterHasAPlaceOfItsOwn() throws {
    let block = try Arena().allocateTrusted(byteCount: UInt(Tally.byteCount))
    let tally = unsafe Tally(memory: block.address)
    for item in Tally.Item.allCases { tally.add(item.rawValue + 1, to: item) }
    for reason in DropReason.allCases { tally.drop(100 + Int(reason.rawValue), reason) }
    for item in Tally.Item.allCases { #expect(tally[item] == UInt64(item.rawValue + 1)) }
    for reason in DropReason.allCases { #expect(tally[reason] == 100 + UInt64(reason.rawValue)) }
    #expect(tally.dropped == (0..<31).reduce(0) { $0 + 100 + $1 })
    #expect(32 + DropReason.allCases.count <= Tally.byteCount / 8)
    #expect(Tally.Item.allCases.count <= 32)
  }
}

@Suite struct NameTests {
  @Test func dropReasonsAreTheContractsInItsOrder() {
    let contract =
      "prog_drop prog_aborted prog_fault prog_budget bad_verdict no_entry ring_full flow_limit "
      + "quota pool_empty rx_fill_empty invalid_desc too_many_frags truncated redirect_no_port "
      + "redirect_mtu redirect_no_sg redirect_loop redirect_denied tx_full tx_error "
      + "pass_unconfigured pass_full port_down port_gone mtu tailroom policy worker_crash poison "
      + "shutdown"
    #expect(DropReason.allCases.map(\.name).joined(separator: " ") == contract)
    #expect(DropReason.allCases.map { Int($0.rawValue) } == Array(0..<31))
  }

  @Test func ownersAreTheContractsInItsOrder() {
    #expect(
      Owner.allCases.map(\.name).joined(separator: " ")
        == "free fill receive worker ring transmit completion held shared quarantine")
  }

  @Test func verdictsHaveTheKernelsNames() {
    let names = (0...5).map { Verdict(rawValue: $0).description }
    #expect(
      names == ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT", "verdict 5"])
  }

  @Test func aCensusBalancesIfEveryBufferHasOneOwner() {
    var census = Census(capacity: 3, counts: [.free: 1, .ring: 2])
    #expect(census.balances)
    #expect(census[.ring] == 2 && census[.worker] == 0)
    census.counts[.ring] = 1
    #expect(!census.balances)
  }
}
