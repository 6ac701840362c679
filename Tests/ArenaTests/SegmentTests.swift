// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import Glibc
import Testing

@Suite struct SegmentTests {
  @Test(arguments: [4_096, 12_288, 2 << 20, 5 << 20] as [UInt], [false, true])
  func everyOctetIsThere(byteCount: UInt, hugePages: Bool) throws {
    let arena = try Arena()
    let segment = try arena.addSegment(byteCount: byteCount, hugePages: hugePages)
    let octets = unsafe UnsafeMutableRawBufferPointer(
      start: segment.address, count: Int(byteCount))
    // Where the machine has no huge pages left this must not be a SIGBUS.
    unsafe octets.initializeMemory(as: UInt8.self, repeating: 0x5A)
    #expect(unsafe octets.allSatisfy { $0 == 0x5A })
    #expect(segment.byteCount == byteCount)
    #expect(hugePages || !segment.hasHugePages)
    #expect(byteCount % (2 << 20) == 0 || !segment.hasHugePages)
  }

  @Test func segmentsBeginAtHugePagesAndNeverOverlap() throws {
    let arena = try Arena()
    let counts: [UInt] = [4_096, 2 << 20, 8_192, 3 << 20]
    let segments = try counts.map { try arena.addSegment(byteCount: $0) }
    for segment in segments {
      #expect(segment.offset % (2 << 20) == 0)
      // Granule 0 stays unused, so that index 0 can mean nothing.
      #expect(segment.offset > 0)
    }
    for (left, right) in zip(segments, segments.dropFirst()) {
      #expect(left.offset + left.byteCount <= right.offset)
    }
  }

  @Test func anotherProcessMayMapASegmentByItsFile() throws {
    let arena = try Arena()
    let segment = try arena.addSegment(byteCount: 8_192)
    unsafe (segment.address + 4_096).storeBytes(of: 0xBEEF, as: UInt32.self)
    var word: UInt32 = 0
    #expect(unsafe pread(segment.fileDescriptor, &word, 4, 4_096) == 4)
    #expect(word == 0xBEEF)
    #expect(ftruncate(segment.fileDescriptor, 0) == -1)
  }

  @Test func aSegmentGoesBackWithItsLastReferenceAndComesAgainZeroed() throws {
    let arena = try Arena()
    let before = arena.freeByteCounts
    var offsets: Set<UInt> = []
    for _ in 0..<20 {
      let segment = try arena.addSegment(byteCount: 4_096)
      offsets.insert(segment.offset)
      #expect(unsafe segment.address.load(as: UInt64.self) == 0)
      unsafe segment.address.storeBytes(of: .max, as: UInt64.self)
    }
    #expect(offsets.count == 1)
    #expect(arena.freeByteCounts == before)
  }

  @Test(arguments: [0, 1, 4_095, 4_097] as [UInt])
  func onlyMultiplesOfAPageAreSegments(byteCount: UInt) throws {
    let arena = try Arena()
    #expect(throws: ArenaError.invalidByteCount(byteCount)) {
      try arena.addSegment(byteCount: byteCount)
    }
  }

  @Test func theArenaEndsWithANamedError() throws {
    let arena = try Arena()
    let free = arena.freeByteCounts.arena
    #expect(
      throws: ArenaError.exhausted(
        region: "arena", byteCount: free + 4_096, freeByteCount: free)
    ) { try arena.addSegment(byteCount: free + 4_096) }
    #expect(arena.freeByteCounts.arena == free)
  }

  @Test func aRefusedFileCostsNothing() async {
    await #expect(processExitsWith: .success) {
      let arena = try Arena()
      let before = arena.freeByteCounts
      var limit = rlimit()
      unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      var none = rlimit(rlim_cur: 0, rlim_max: limit.rlim_max)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
      let error = #expect(throws: ArenaError.self) { try arena.addSegment(byteCount: 4_096) }
      let other = #expect(throws: ArenaError.self) { try Arena() }
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(error == .refused(call: "memfd_create(xdpframe-arena)", errno: EMFILE))
      #expect(other == .refused(call: "memfd_create(xdpframe-trusted)", errno: EMFILE))
      #expect(arena.freeByteCounts == before)
      _ = try arena.addSegment(byteCount: 4_096)
    }
  }

  @Test(
    .disabled(
      if: clinux_has_address_sanitizer() != 0, "AddressSanitizer needs mappings of its own"))
  func aRefusedMappingCostsNothing() async {
    await #expect(processExitsWith: .success) {
      let arena = try Arena()
      let before = arena.freeByteCounts
      let files = memoryFileCount()
      let filler = unsafe try exhaustMappings()
      let error = #expect(throws: ArenaError.self) { try arena.addSegment(byteCount: 4_096) }
      let other = #expect(throws: ArenaError.self) { try Arena() }
      unsafe munmap(filler.baseAddress, filler.count)
      #expect(error == .refused(call: "mmap of 4096 octets", errno: ENOMEM))
      guard case .refused(_, ENOMEM)? = other else { throw ENOMEMWasExpected() }
      #expect(memoryFileCount() == files)
      #expect(arena.freeByteCounts == before)
      let segment = try arena.addSegment(byteCount: 4_096)
      unsafe segment.address.storeBytes(of: 1, as: UInt8.self)
    }
  }
}

private struct ENOMEMWasExpected: Error {}

/// Makes mappings until the kernel has no more for this process, `vm.max_map_count`.
private func exhaustMappings() throws -> UnsafeMutableRawBufferPointer {
  let page = 4_096
  let count = 1 << 20
  let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  let memory = unsafe mmap(nil, count * page, PROT_NONE, flags, -1, 0)
  let start = try unsafe #require(memory)
  // Every second page gets rights of its own, which cuts a mapping in two.
  for position in stride(from: 1, to: count, by: 2) {
    guard unsafe mprotect(start + position * page, page, PROT_READ) == 0 else { break }
  }
  return unsafe UnsafeMutableRawBufferPointer(start: start, count: count * page)
}

/// The memory files of arenas that this process has open.
private func memoryFileCount() -> Int {
  let path = UnsafeMutablePointer<CChar>.allocate(capacity: 256)
  defer { unsafe path.deallocate() }
  return (0..<1_024).count { descriptor in
    let length = unsafe readlink("/proc/self/fd/\(descriptor)", path, 255)
    guard length > 0 else { return false }
    unsafe path[length] = 0
    return unsafe String(cString: path).hasPrefix("/memfd:xdpframe")
  }
}
