// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct MemoryFileTests {
  @Test func twoMappingsShowTheSameMemory() throws {
    let file = try MemoryFile(name: "shared", byteCount: 10_000)
    #expect(file.byteCount == 12_288 && !file.usesHugePages)
    let first = try file.map()
    let second = try file.map(4096..<8192, protection: .read)
    unsafe first.bytes.storeBytes(of: 7, toByteOffset: 4100, as: UInt8.self)
    let seen = unsafe second.bytes[4]
    #expect(seen == 7)
    #expect(second.byteCount == 4096)
  }

  @Test func nobodyCanMakeItShorterOrLonger() throws {
    let file = try MemoryFile(name: "sealed", byteCount: 4096)
    for byteCount in [0, 8192] {
      #expect(ftruncate(file.descriptor.raw, byteCount) == -1)
      #expect(Errno.current == .notPermitted)
    }
    #expect(clinux_fcntl(file.descriptor.raw, F_ADD_SEALS, Int(F_SEAL_WRITE)) == -1)
  }

  @Test func theMemoryOutlivesTheDescriptor() throws {
    let mapping = try mapped()
    unsafe mapping.bytes.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self)
    let value = unsafe mapping.bytes[0]
    #expect(value == 1)
  }

  private func mapped() throws -> Mapping {
    try MemoryFile(name: "gone", byteCount: 4096).map()
  }

  @Test func hugePagesAreDemandedOrMerelyPreferred() throws {
    let huge = Mapping.hugePageByteCount
    let preferred = try MemoryFile(name: "preferred", byteCount: 1, pages: .hugeIfAvailable)
    #expect(preferred.byteCount == (preferred.usesHugePages ? huge : 4096))
    // Touching all of it must not fault, whatever carries it.
    let memory = try preferred.map(populate: true)
    unsafe memory.bytes.initializeMemory(as: UInt8.self, repeating: 0xa5)
    let tooMuch = 1 << 45
    let error = #expect(throws: SystemCallError.self) {
      _ = try MemoryFile(name: "too much", byteCount: tooMuch, pages: .huge)
    }
    #expect(error?.errno == .noMemory)
    let fallback = try MemoryFile(name: "fallback", byteCount: tooMuch, pages: .hugeIfAvailable)
    let usesHugePages = fallback.usesHugePages
    #expect(!usesHugePages)
  }
}
