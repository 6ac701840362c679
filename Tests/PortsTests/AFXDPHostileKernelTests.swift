// SPDX-License-Identifier: Apache-2.0

import MemModels
import Rings
import Testing
import XDPFrame

@testable import Ports

/// What a kernel, or whoever can write to the rings, may put there: nothing of it traps, nothing of it is believed,
/// and the ledger stays exact.
@Suite struct AFXDPHostileKernelTests {
  private static let continues: UInt32 = 1

  @Test(arguments: [0, 0xFFFF_FFF0, 0x7FFF_FFF0] as [UInt32])
  func theIndicesOfTheRingsWrap(start: UInt32) throws {
    let kernel = try FakeKernel(start: start)
    let loop = Loop()
    var sent = 0
    for round in 0..<400 {
      for address in kernel.takeFilled(16) { kernel.deliver(address + 256, 60 + UInt32(round)) }
      #expect(loop.poll(kernel.queue) == 16)
      loop.moveToBulk()
      #expect(loop.transmit(kernel.queue) == 16)
      for descriptor in kernel.takeTransmitted() {
        #expect(descriptor.length == 60 + UInt32(round) && descriptor.options == 0)
        kernel.complete(descriptor.address)
        sent += 1
      }
    }
    #expect(sent == 6_400)
    #expect(loop.tally[.invalidDescriptors] == 0 && loop.tally.dropped == 0)
    #expect(kernel.queue.pool.census()[.fill] == 64)
    kernel.finish()
  }

  @Test func anAddressThatWasNotGivenIsCountedAndDropped() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(4)
    let end = UInt64(kernel.umem.byteCount)
    let poolEnd = UInt64(kernel.queue.pool.chunkCount * kernel.umem.chunkByteCount)
    let bad: [(UInt64, UInt32)] = [
      (end, 60), (end - 1, 1), (.max, 60), (.max - 59, 60), (1 << 32, 60), (1 << 63, 60),
      (poolEnd, 60), (poolEnd + 256, 60),
      // A chunk that is free, because the fill ring had no room for it.
      (UInt64(200 * 4_096), 60),
      // Octets that are not in one chunk, or none at all.
      (given[0] + 256, 0), (given[0] + 256, 3_841), (given[0] + 4_095, 2), (given[0], .max),
    ]
    for (address, length) in bad { kernel.deliver(address, length) }
    #expect(loop.poll(kernel.queue) == 0)
    #expect(loop.tally[.invalidDescriptors] == UInt64(bad.count))
    #expect(loop.tally[.invalidDescriptor] == UInt64(bad.count))
    #expect(loop.balances())
    // What was given can still be delivered, to its last octet.
    kernel.deliver(given[0], 4_096)
    kernel.deliver(given[1] + 4_095, 1)
    #expect(loop.poll(kernel.queue) == 2)
    let lengths = (0..<2).map { loop.burst[$0].byteCount }
    #expect(lengths == [4_096, 1])
    loop.drop()
    #expect(loop.balances())
    kernel.finish()
  }

  @Test func anAddressThatIsDeliveredTwiceCountsOnce() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(2)
    for _ in 0..<3 { kernel.deliver(given[0] + 256, 60) }
    #expect(loop.poll(kernel.queue) == 1)
    kernel.deliver(given[0] + 256, 60)
    loop.moveToBulk()
    #expect(loop.poll(kernel.queue) == 0)
    #expect(loop.tally[.invalidDescriptors] == 3)
    loop.bulk.recycle(.programDrop)
    // In a chain as well: the packet goes, and the chunk comes home once.
    kernel.deliver(given[1] + 256, 3_840, options: Self.continues)
    kernel.deliver(given[1] + 256, 100)
    #expect(loop.poll(kernel.queue) == 0)
    #expect(loop.tally[.invalidDescriptor] == 4)
    kernel.finish()
  }

  @Test(arguments: [2, 4, 1 << 31, 3] as [UInt32])
  func anUnknownOptionDropsThePacket(options: UInt32) throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(4)
    kernel.deliver(given[0] + 256, 60, options: options)
    if options & Self.continues != 0 { kernel.deliver(given[1] + 256, 60) }
    kernel.deliver(given[2] + 256, 61)
    #expect(loop.poll(kernel.queue) == 1)
    let length = loop.burst[0].byteCount
    #expect(length == 61)
    #expect(loop.tally[.invalidDescriptors] == 1 && loop.tally[.invalidDescriptor] == 1)
    loop.drop()
    kernel.finish()
  }

  @Test func aChainThatIsNotWholeYetIsWaitedFor() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(4)
    kernel.deliver(given[0] + 256, 60)
    kernel.deliver(given[1] + 256, 3_840, options: Self.continues)
    kernel.deliver(given[2] + 256, 3_840, options: Self.continues)
    #expect(loop.poll(kernel.queue) == 1)
    loop.drop()
    for _ in 0..<3 { #expect(loop.poll(kernel.queue) == 0) }
    kernel.deliver(given[3] + 256, 1_334)
    #expect(loop.poll(kernel.queue) == 1)
    let (byteCount, count) = (loop.burst[0].byteCount, loop.burst[0].fragmentCount)
    #expect(byteCount == 9_014 && count == 2)
    loop.drop()
    #expect(loop.balances() && loop.tally[.invalidDescriptors] == 0)
    kernel.finish()
  }

  @Test(arguments: [17, 18, 19, 40])
  func aChainOfMoreThanEighteenIsDroppedWhole(length: Int) throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(length + 1)
    for (position, address) in given.dropLast().enumerated() {
      let isLast = position == length - 1
      kernel.deliver(address + 256, 100, options: isLast ? 0 : Self.continues)
    }
    kernel.deliver(given[length] + 256, 77)
    var lengths: [Int] = []
    while loop.poll(kernel.queue) > 0 {
      lengths += (0..<loop.burst.count).map { loop.burst[$0].byteCount }
      loop.drop()
    }
    #expect(lengths == (length <= 18 ? [length * 100, 77] : [77]))
    #expect(loop.tally[.tooManyFragments] == (length <= 18 ? 0 : 1))
    #expect(loop.balances())
    #expect(kernel.queue.pool.census()[.receive] == 0)
    kernel.finish()
  }

  @Test func aChainWithoutEndIsSkippedForAsLongAsItLasts() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    for _ in 0..<50 {
      for address in kernel.takeFilled(min(32, kernel.receiveRoom)) {
        kernel.deliver(address + 256, 100, options: Self.continues)
      }
      #expect(loop.poll(kernel.queue) == 0)
    }
    #expect(loop.tally[.tooManyFragments] == 1)
    let given = kernel.takeFilled(2)
    kernel.deliver(given[0] + 256, 100)
    kernel.deliver(given[1] + 256, 77)
    #expect(loop.poll(kernel.queue) == 1)
    let length = loop.burst[0].byteCount
    #expect(length == 77)
    loop.drop()
    #expect(loop.balances())
    kernel.finish()
  }

  @Test(arguments: FakeKernel.Ring.allCases)
  func anIndexThatCannotBeMakesTheQueueCorrupt(ring: FakeKernel.Ring) throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(8)
    for address in given { kernel.deliver(address + 256, 60) }
    #expect(loop.poll(kernel.queue) == 8)
    loop.moveToBulk()
    #expect(loop.transmit(kernel.queue) == 8)
    switch ring {
    case .receive, .completion: kernel.set(ring, producer: kernel.consumer(ring) &+ 65)
    case .fill, .transmit: kernel.set(ring, consumer: kernel.producer(ring) &+ 1)
    }
    #expect(loop.poll(kernel.queue) == 0)
    kernel.queue.refill()
    kernel.queue.tryReap()
    #expect(kernel.queue.isTransmitting == (ring != .transmit))
    #expect(kernel.queue.isCorrupt)
    kernel.finish()
  }

  @Test func aCompletionOfWhatWasNotSentIsCountedAndIgnored() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    for address in kernel.takeFilled(8) { kernel.deliver(address + 256, 60) }
    loop.poll(kernel.queue)
    loop.moveToBulk()
    #expect(loop.transmit(kernel.queue) == 8)
    let sent = kernel.takeTransmitted()
    #expect(sent.count == 8)
    let waiting = kernel.takeFilled(1)[0]
    for address in [.max, UInt64(kernel.umem.byteCount), 1 << 40, waiting, 250 * 4_096] {
      kernel.complete(address)
    }
    kernel.complete(sent[0].address)
    kernel.complete(sent[0].address)
    kernel.queue.tryReap()
    #expect(kernel.queue.state.tally[.invalidDescriptors] == 6)
    #expect(kernel.queue.pool.census()[.transmit] == 7)
    // An offset inside the chunk names the chunk, as the kernel has it.
    for descriptor in sent.dropFirst() { kernel.complete(descriptor.address & ~4_095) }
    kernel.queue.tryReap()
    #expect(kernel.queue.pool.census()[.transmit] == 0)
    kernel.finish()
  }

  @Test func whatTheTransmitRingHasNoRoomForIsRefusedInOrder() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    var lengths: [UInt32] = []
    for round in 0..<2 {
      let given = kernel.takeFilled(40)
      for (position, address) in given.enumerated() {
        kernel.deliver(address + 256, UInt32(100 + round * 40 + position))
      }
      #expect(loop.poll(kernel.queue) == 40)
      loop.moveToBulk()
      #expect(loop.transmit(kernel.queue) == (round == 0 ? 40 : 24))
    }
    let left = (0..<loop.bulk.count).map { unsafe loop.bulk.descriptors[$0].byteCount }
    #expect(left == (164..<180).map { UInt32($0) })
    let reasons = Set((0..<loop.bulk.count).map { unsafe loop.bulk.descriptors[$0].reason })
    #expect(reasons == [DropReason.transmitFull.rawValue])
    for descriptor in kernel.takeTransmitted() {
      lengths.append(descriptor.length)
      kernel.complete(descriptor.address)
    }
    // Tried again, those that were left follow.
    #expect(loop.transmit(kernel.queue) == 16)
    lengths += kernel.takeTransmitted().map(\.length)
    #expect(lengths == (100..<180).map { UInt32($0) })
    kernel.finish()
  }

  /// The chunks of a chain are released one by one, by whatever order the kernel sends them back in.
  @Test func aChainIsSentAsAChain() throws {
    let kernel = try FakeKernel()
    let loop = Loop()
    let given = kernel.takeFilled(18)
    for (position, address) in given.enumerated() {
      kernel.deliver(address + 256, 100, options: position == 17 ? 0 : Self.continues)
    }
    #expect(loop.poll(kernel.queue) == 1)
    loop.moveToBulk()
    #expect(loop.transmit(kernel.queue) == 1)
    let sent = kernel.takeTransmitted()
    #expect(sent.map(\.address) == given.map { $0 + 256 })
    #expect(sent.map(\.continues) == Array(repeating: true, count: 17) + [false])
    #expect(kernel.queue.pool.census()[.transmit] == 18)
    for descriptor in sent.reversed() { kernel.complete(descriptor.address) }
    kernel.queue.tryReap()
    #expect(kernel.queue.pool.census()[.transmit] == 0)
    kernel.finish()
  }

  /// A kernel that does whatever comes to its mind, a hundred thousand times.
  @Test(arguments: 0..<8)
  func theLedgerSurvivesAKernelThatHasLostItsMind(seed: Int) throws {
    let kernel = try FakeKernel(chunkByteCount: seed % 2 == 0 ? 4_096 : 2_048, start: 0xFFFF_FF00)
    let loop = Loop()
    var random = Random(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
    var held: [UInt64] = []
    var sending: [UInt64] = []
    var takenAway: UInt64 = 0
    for round in 0..<12_500 {
      // Now and then it hardly ever ends a packet.
      let chains = round % 1_000 < 300 ? 20 : 2
      switch random.below(8) {
      case 0: held += kernel.takeFilled(random.below(20))
      case 1, 2, 3:
        guard kernel.receiveRoom > 0 else { break }
        let isHonest = random.below(3) > 0 && !held.isEmpty
        let address =
          isHonest ? held.remove(at: random.below(held.count)) + 256 : random.address()
        let length = random.below(4) > 0 ? UInt32(random.below(1_700) + 1) : random.word()
        let options = random.below(chains) > 0 ? Self.continues : random.below(30) == 0 ? 6 : 0
        kernel.deliver(address, length, options: options)
      case 4: sending += kernel.takeTransmitted(random.below(20)).map(\.address)
      case 5:
        guard kernel.completionRoom > 0 else { break }
        let isHonest = random.below(3) > 0 && !sending.isEmpty
        kernel.complete(
          isHonest ? sending.remove(at: random.below(sending.count)) : random.address())
      case 6:
        loop.poll(kernel.queue, budget: random.below(64) + 1)
        loop.drop()
      default:
        loop.poll(kernel.queue, budget: 16)
        loop.moveToBulk()
        takenAway += UInt64(loop.bulk.count)
        _ = loop.transmit(kernel.queue)
        loop.bulk.recycle()
      }
    }
    #expect(loop.balances(takenAway: takenAway))
    #expect(!kernel.queue.isCorrupt)
    #expect(kernel.queue.pool.census().balances)
    #expect(loop.tally[.invalidDescriptors] > 0 && loop.tally[.tooManyFragments] > 0)
    kernel.finish()
  }
}

/// A generator that is the same on every run.
private struct Random {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(next() % UInt64(limit)) }
  mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next()) }

  /// An address that is mostly near the UMEM.
  mutating func address() -> UInt64 {
    below(4) == 0 ? next() : next() % (400 * 4_096)
  }
}
