// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import Glibc
import Testing

@Suite struct ArenaTests {
  @Test func liesAtAMultipleOfItsSpan() throws {
    let arena = try Arena()
    #expect(unsafe UInt(bitPattern: arena.base) & AddressMap.offsetMask == 0)
    #expect(AddressMap.span == AddressMap.offsetMask + 1)
  }

  @Test func theRegionsFollowEachOtherWithGuardsBetween() {
    #expect(AddressMap.tablesByteCount < AddressMap.trustedByteCount)
    #expect(AddressMap.localOffset == AddressMap.trustedByteCount)
    #expect(AddressMap.localOffset + AddressMap.localByteCount < AddressMap.arenaOffset)
    #expect(AddressMap.arenaOffset + AddressMap.arenaByteCount < AddressMap.span)
    // What makes the low half of an address its offset in the arena.
    #expect(AddressMap.arenaOffset % (1 << 32) == 0)
    #expect(AddressMap.arenaByteCount == 1 << 32)
  }

  @Test func anyAddressInsideLeadsToTheBase() throws {
    let arena = try Arena()
    let segment = try arena.addSegment(byteCount: 8_192)
    let block = try arena.allocateTrusted(byteCount: 100)
    let inside = unsafe [
      (segment.address, 0), (segment.address, 8_191), (block.address, 0), (block.address, 99),
      (arena.base, 0),
    ]
    #expect(
      unsafe inside.allSatisfy { unsafe AddressMap.base(of: $0.0 + $0.1) == arena.base })
  }

  @Test func twoArenasLieSideBySideAndDoNotMix() throws {
    let (first, second) = (try Arena(), try Arena())
    #expect(unsafe first.base != second.base)
    let one = try first.addSegment(byteCount: 4_096)
    let other = try second.addSegment(byteCount: 4_096)
    #expect(one.offset == other.offset)
    unsafe one.address.storeBytes(of: 1, as: UInt64.self)
    unsafe other.address.storeBytes(of: 2, as: UInt64.self)
    #expect(unsafe one.address.load(as: UInt64.self) == 1)
    #expect(unsafe AddressMap.base(of: one.address) == first.base)
    #expect(unsafe AddressMap.base(of: other.address) == second.base)
  }

  @Test(arguments: [1, 63, 64, 65, 4_096, 1_000_000] as [UInt])
  func aTrustedBlockIsZeroedAndLiesBehindTheTables(byteCount: UInt) throws {
    let arena = try Arena()
    for _ in 0..<2 {
      let block = try arena.allocateTrusted(byteCount: byteCount)
      #expect(block.byteCount == (byteCount + 63) / 64 * 64)
      #expect(block.offset >= AddressMap.tablesByteCount)
      #expect(unsafe block.address == arena.base + Int(block.offset))
      let octets = unsafe UnsafeMutableRawBufferPointer(
        start: block.address, count: Int(block.byteCount))
      #expect(unsafe octets.allSatisfy { $0 == 0 })
      // The second round gets the same octets again.
      unsafe octets.initializeMemory(as: UInt8.self, repeating: 0xFF)
    }
  }

  @Test(arguments: [64, 128, 4_096, 2 << 20] as [UInt])
  func aTrustedBlockIsAlignedAsAsked(alignment: UInt) throws {
    let arena = try Arena()
    let inTheWay = try arena.allocateTrusted(byteCount: 64)
    let block = try arena.allocateTrusted(byteCount: 64, alignment: alignment)
    #expect(block.offset % alignment == 0)
    #expect(block.offset > inTheWay.offset)
  }

  @Test func blocksGoBackWithTheirLastReference() throws {
    let arena = try Arena()
    let before = arena.freeByteCounts
    var blocks = try (1...100).map { try arena.allocateTrusted(byteCount: UInt($0) * 48) }
    #expect(arena.freeByteCounts.trusted < before.trusted)
    blocks.shuffle()
    blocks.removeAll()
    #expect(arena.freeByteCounts == before)
  }

  @Test func aBlockKeepsItsArenaMapped() throws {
    var arena: Arena? = try Arena()
    let block = try #require(try arena?.allocateTrusted(byteCount: 64))
    let segment = try #require(try arena?.addSegment(byteCount: 4_096))
    arena = nil
    unsafe block.address.storeBytes(of: 7, as: UInt64.self)
    unsafe segment.address.storeBytes(of: 8, as: UInt64.self)
    #expect(unsafe block.address.load(as: UInt64.self) == 7)
    #expect(unsafe segment.address.load(as: UInt64.self) == 8)
  }

  @Test func theTrustedRegionEndsWithANamedError() throws {
    let arena = try Arena()
    let free = arena.freeByteCounts.trusted
    #expect(
      throws: ArenaError.exhausted(
        region: "trusted region", byteCount: free + 1, freeByteCount: free)
    ) { try arena.allocateTrusted(byteCount: free + 1) }
    #expect(
      throws: ArenaError.exhausted(
        region: "trusted region", byteCount: .max, freeByteCount: free)
    ) { try arena.allocateTrusted(byteCount: .max) }
    #expect(arena.freeByteCounts.trusted == free)
  }

  @Test func anotherProcessMayMapTheTrustedRegionByItsFile() throws {
    let arena = try Arena()
    let block = try arena.allocateTrusted(byteCount: 64)
    unsafe block.address.storeBytes(of: 0xC0FFEE, as: UInt32.self)
    var word: UInt32 = 0
    #expect(unsafe pread(arena.trustedDescriptor, &word, 4, Int(block.offset)) == 4)
    #expect(word == 0xC0FFEE)
    // Nobody can turn the mapping into SIGBUS.
    #expect(ftruncate(arena.trustedDescriptor, 4_096) == -1)
  }

  @Test func theGuardsAreNotAccessible() async {
    await #expect(processExitsWith: .failure) {
      let arena = try Arena()
      let guardOffset = Int(AddressMap.arenaOffset) - 1
      unsafe (arena.base + guardOffset).storeBytes(of: 1, as: UInt8.self)
    }
    await #expect(processExitsWith: .failure) {
      let arena = try Arena()
      let segment = try arena.addSegment(byteCount: 4_096)
      unsafe (segment.address + 4_096).storeBytes(of: 1, as: UInt8.self)
    }
  }

  @Test func impossibleBlocksTrap() async {
    await #expect(processExitsWith: .failure) {
      _ = try Arena().allocateTrusted(byteCount: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = try Arena().allocateTrusted(byteCount: 64, alignment: 48)
    }
  }

  @Test func errorsSayWhatFailedAndWhatToDo() {
    let refused = ArenaError.refused(call: "memfd_create(x)", errno: EMFILE)
    #expect(refused.description.hasPrefix("memfd_create(x): Too many open files (errno 24)"))
    #expect(
      ArenaError.exhausted(region: "arena", byteCount: 10, freeByteCount: 5).description
        == "the arena has no 10 octets in one piece (5 free)")
    #expect(
      ArenaError.invalidByteCount(5).description
        == "5 octets: a segment is a positive multiple of 4096")
  }
}
