// SPDX-License-Identifier: Apache-2.0

import AllocationCount
import Arena
import CLinux
import Datapath
import Glibc
import MemModels
import Plugins
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

extension EndToEnd {
  @Suite struct EnduranceTests {
    /// What a process holds: open descriptors and mappings.
    private struct Holdings: Equatable {
      var descriptors: Int
      var mappings: Int

      static var now: Holdings {
        Holdings(descriptors: entries(in: "/proc/self/fd"), mappings: lines(of: "/proc/self/maps"))
      }

      private static func entries(in path: String) -> Int {
        guard let directory = unsafe opendir(path) else { return -1 }
        defer { unsafe closedir(directory) }
        var count = 0
        while unsafe readdir(directory) != nil { count += 1 }
        return count
      }

      private static func lines(of path: String) -> Int {
        guard let file = unsafe fopen(path, "r") else { return -1 }
        defer { unsafe fclose(file) }
        var count = 0
        while true {
          let octet = unsafe fgetc(file)
          if octet == EOF { return count }
          if octet == 10 { count += 1 }
        }
      }
    }

    @Test func aThousandCyclesLeaveNothingBehind() throws {
      try withNetworkNamespaces { pair in
        for _ in 0..<10 { try cycle(on: pair) }
        let before = Holdings.now
        for _ in 0..<1_000 { try cycle(on: pair) }
        let after = Holdings.now
        #expect(after.descriptors == before.descriptors)
        // The C library keeps a few thread stacks and arenas for later; a leak would be a thousand.
        #expect(abs(after.mappings - before.mappings) < 32)
      }
    }

    /// Everything made, used and taken down once.
    private func cycle(on pair: borrowing NamespacePair) throws {
      let rig = try Rig(on: pair, programs: [Drop()], chunkCount: 2_048)
      let traffic = Traffic(flowCount: 4)
      try traffic.run(16, on: pair)
      while rig.received + rig.kernelDropped < 16 {}
      rig.stopAndCheck()
    }

    @Test func nothingAllocatesPerFrame() throws {
      let registry = MemoryRegistry(arena: try Arena())
      let pool = try PagePool(registry: registry, pageCount: 4_096, ringCapacity: 4_096)
      let generator = try GeneratorPort(
        name: "gen", registry: registry, model: pool,
        plan: GeneratorPort.Plan(flowCount: 64, byteCounts: [64, 9_000], limit: 2_000_000))
      let datapath = Datapath(registry: registry)
      datapath.add(generator)
      let cpus = CPUSet.allowed.processors
      for key in 0..<2 {
        try datapath.cpuMap.update(
          UInt32(key),
          CPUMap.Value(
            name: "w\(key)", cpu: cpus[key % cpus.count], program: Count(verdict: .drop)))
      }
      let loop = try datapath.addLoop(
        port: generator, queue: 0, program: Steer(keys: [0, 1], map: Datapath.cpuMapNumber),
        named: "steer", adopt: { pool.adopt() })
      try datapath.start()
      while loop.tally[.received] < 100_000 {}
      let first = (loop.tally[.received], allocation_count())
      while loop.tally[.received] < 1_000_000 {}
      let last = (loop.tally[.received], allocation_count())
      datapath.stop()
      #expect(last.0 - first.0 > 800_000)
      // Nothing per frame and nothing per burst: one in 64 frames would be 12,500.
      #expect(last.1 - first.1 < 1_000)
      #expect(pool.census()[.free] == 4_096)
      #expect(pool.destroy() == nil)
    }

    @Test func theAllocationsThatAreCountedAreReal() {
      let before = allocation_count()
      for _ in 0..<100 {
        let block = unsafe malloc(100)
        unsafe clinux_keep(block)
        unsafe free(block)
      }
      #expect(allocation_count() - before >= 100)
    }
  }
}
