// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct MappingTests {
  @Test func privateMemoryIsZeroedAndRoundedUpToPages() throws {
    let memory = try Mapping.anonymous(byteCount: 5000, populate: true)
    #expect(memory.byteCount == 8192)
    let isZero = unsafe memory.bytes.allSatisfy { $0 == 0 }
    #expect(isZero)
    unsafe memory.bytes.storeBytes(of: 0x1234_5678, toByteOffset: 8000, as: UInt32.self)
    let value = unsafe memory.bytes.load(fromByteOffset: 8000, as: UInt32.self)
    #expect(value == 0x1234_5678)
  }

  @Test(arguments: [16, 21, 32, 34])
  func aReservationIsAlignedAndCostsNoMemory(bits: Int) throws {
    let alignment = 1 << bits
    let reservation = try Mapping.reservation(byteCount: 1 << 32, alignment: alignment)
    #expect(reservation.byteCount == 1 << 32)
    let address = UInt(bitPattern: unsafe reservation.baseAddress)
    #expect(address % UInt(alignment) == 0)
    #expect(isMapped(address) && isMapped(address + 1 << 32 - 4096))
  }

  @Test func nothingOfAReservationIsLeftBehind() async {
    // In a process of its own, where nobody else maps as much.
    await #expect(processExitsWith: .success) {
      let before = try addressSpaceByteCount()
      for _ in 0..<3 {
        let reservation = try Mapping.reservation(byteCount: 1 << 36, alignment: 1 << 36)
        let during = try addressSpaceByteCount()
        // Exactly what was asked for, without the slack that the alignment took.
        #expect(abs(during - before - reservation.byteCount) < 1 << 32)
      }
      let after = try addressSpaceByteCount()
      #expect(abs(after - before) < 1 << 32)
    }
  }

  @Test func onePartCanBeReplacedAndVacatedAgain() throws {
    let page = Mapping.pageByteCount
    let reservation = try Mapping.reservation(byteCount: 16 * page)
    let file = try MemoryFile(name: "test", byteCount: 4 * page)
    try reservation.replace(4 * page..<8 * page, with: file.descriptor.raw, populate: true)
    let elsewhere = try file.map()
    unsafe elsewhere.bytes.storeBytes(of: 42, toByteOffset: page, as: UInt64.self)
    let seen = unsafe reservation.bytes.load(fromByteOffset: 5 * page, as: UInt64.self)
    #expect(seen == 42)
    try reservation.replaceWithMemory(8 * page..<9 * page)
    unsafe reservation.bytes.storeBytes(of: 1, toByteOffset: 8 * page, as: UInt8.self)
    try reservation.vacate(4 * page..<9 * page)
    let start = UInt(bitPattern: unsafe reservation.baseAddress)
    #expect(!isReadable(start + UInt(4 * page)) && !isReadable(start + UInt(8 * page)))
    #expect(isMapped(start + UInt(4 * page)))
  }

  @Test func whatMayBeDoneCanBeChanged() throws {
    let page = Mapping.pageByteCount
    let memory = try Mapping.anonymous(byteCount: 2 * page)
    let start = UInt(bitPattern: unsafe memory.baseAddress)
    #expect(isReadable(start))
    try memory.protect(0..<page, .none)
    #expect(!isReadable(start) && isReadable(start + UInt(page)))
    try memory.protect(0..<page, .read)
    #expect(isReadable(start))
  }

  @Test func hugePagesAreDemandedOrMerelyPreferred() throws {
    let preferred = try Mapping.anonymous(byteCount: 1, pages: .hugeIfAvailable)
    unsafe preferred.bytes.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self)
    // More than any machine has: demanding fails, preferring falls back.
    let tooMuch = 1 << 45
    let error = #expect(throws: SystemCallError.self) {
      _ = try Mapping.anonymous(byteCount: tooMuch, pages: .huge)
    }
    #expect(error?.call == "mmap" && error?.errno == .noMemory)
    #expect(Mapping.hugePageByteCount >= 1 << 20)
  }

  @Test func aPartOutsideIsAProgrammersError() async {
    await #expect(processExitsWith: .failure) {
      let memory = try Mapping.anonymous(byteCount: 4096)
      try memory.protect(0..<8192, .none)
    }
  }

  @Test func aFileThatCannotBeMappedSaysSo() throws {
    let event = try EventFD()
    let error = #expect(throws: SystemCallError.self) {
      _ = try Mapping.shared(event.descriptor.raw, byteCount: 4096)
    }
    #expect(error?.errno == .noSuchDevice)
  }
}

/// Whether the kernel can read an octet there: it answers EFAULT where we would fault.
private func isReadable(_ address: UInt) -> Bool {
  guard let pipe = try? Pipe() else { return false }
  return unsafe write(pipe.writer.raw, UnsafeRawPointer(bitPattern: address), 1) == 1
}

/// Whether the page belongs to a mapping, accessible or not.
private func isMapped(_ address: UInt) -> Bool {
  unsafe msync(UnsafeMutableRawPointer(bitPattern: address), 4096, MS_ASYNC) == 0
}

/// The octets of address space that this process has mapped, whatever they cost.
private func addressSpaceByteCount() throws -> Int {
  let statistics = try #require(TextFile.contents("/proc/self/statm"))
  let pages = try #require(statistics.split(separator: " ").first.flatMap { Int($0) })
  return pages * Mapping.pageByteCount
}
