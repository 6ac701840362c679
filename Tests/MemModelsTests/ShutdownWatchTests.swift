// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Testing
import XDPFrame

@Suite struct ShutdownWatchTests {
  private static let second: UInt64 = 1_000_000_000
  private struct Empty: Error {}

  @Test func aStalledShutdownIsReportedEveryMinute() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PagePool(registry: registry, pageCount: 8)
    guard let held = pool.allocate(), let queued = pool.allocate() else { throw Empty() }
    queued.descriptor.setOwner(.ring, number: 3)
    let start = 5 * Self.second
    let drain = try #require(pool.destroy())
    var watch = ShutdownWatch(at: start)
    var reports: [String] = []
    // A clock that a test turns: ten minutes in steps of a second, as the kernel's work is queued.
    for elapsed in 0...600 {
      let now = start + UInt64(elapsed) * Self.second
      guard let report = watch.report(drain, at: now) else { continue }
      reports.append(report)
    }
    #expect(reports.count == 10)
    #expect(
      reports.first
        == "stalled pool shutdown: id \(pool.memory.id), 2 inflight 60 sec: receive 1, ring 1")
    #expect(reports.last?.contains(" 600 sec") == true)
    held.recycle()
    let left = try #require(pool.collect())
    #expect(
      watch.report(left, at: start + 660 * Self.second)?.hasSuffix("1 inflight 660 sec: ring 1")
        == true)
    queued.recycle()
    #expect(pool.collect() == nil)
  }

  @Test func aClockThatJumpsIsReportedOnce() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PagePool(registry: registry, pageCount: 2)
    guard let held = pool.allocate() else { throw Empty() }
    let drain = try #require(pool.destroy())
    var watch = ShutdownWatch(at: 0)
    #expect(watch.report(drain, at: 60 * Self.second - 1) == nil)
    #expect(watch.report(drain, at: 1_000 * Self.second) != nil)
    #expect(watch.report(drain, at: 1_059 * Self.second) == nil)
    #expect(watch.report(drain, at: 1_060 * Self.second) != nil)
    held.recycle()
    #expect(pool.collect() == nil)
  }
}
