// SPDX-License-Identifier: Apache-2.0

import Arena
import Foundation
import MemModels
import Testing
import XDPFrame

/// The model that the documentation shows works, and is the one that it shows.
@Suite struct PageStackTests {
  @Test func packetsOfSeveralPagesComeHomeFromAnotherThread() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pages = try PageStack(registry: registry, pageCount: 8)
    let octets = (0..<9_000).map { UInt8($0 % 251) }
    for _ in 0..<3 {
      guard let frame = Frame(octets: octets, from: pages) else {
        Issue.record("Three pages of eight were not to be had.")
        return
      }
      frame.descriptor.setOwner(.ring, number: 1)
      #expect(pages.census() == Census(capacity: 8, counts: [.free: 5, .ring: 3]))
      #expect(pages.destroy()?[.ring] == 3)
      let (head, arrived) = (frame.take(), Received())
      onAnotherThread { arrived.octets = Frame(owning: head).octets() }
      #expect(arrived.octets == octets)
    }
    #expect(pages.census() == Census(capacity: 8, counts: [.free: 8]))
    #expect(pages.destroy() == nil)
  }

  private final class Received {
    var octets: [UInt8] = []
  }

  @Test func anEmptyStackHandsOutNothingAndTakesAPageBackOnce() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pages = try PageStack(registry: registry, pageCount: 1)
    guard let page = pages.allocate() else { throw CancellationError() }
    #expect(pages.allocate()?.take() == nil)
    let descriptor = page.take()
    Storage(owning: descriptor).recycle()
    Storage(owning: descriptor).recycle()
    #expect(pages.census() == Census(capacity: 1, counts: [.free: 1], doubleFree: 1))
    #expect(pages.destroy() == nil)
  }

  @Test func theDocumentationShowsTheseLines() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let source = try String(
      contentsOf: folder.appending(path: "PageStack.swift"), encoding: .utf8)
    let page = try String(
      contentsOf: folder.appending(path: "../../Documentation/MemoryModels.md").standardized,
      encoding: .utf8)
    let lines = source.split(separator: "\n", maxSplits: 1)[1].drop { $0 == "\n" }
    #expect(page.contains("```swift\n\(lines)```\n"))
  }
}
