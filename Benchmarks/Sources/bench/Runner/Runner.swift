// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// One side of a comparison: does so many operations and returns the nanoseconds they took, 0 if the result was wrong.
///
/// The calling thread is pinned to the first CPU; the rest are for the threads that it starts. The count is a multiple
/// of 1024, so that a burst divides it.
typealias Side = (_ count: UInt64, _ cpus: [UInt32]) -> UInt64

/// Runs ours and the peer's in turns, in windows so short that the machine stays the same in a pair.
///
/// Absolute figures of a virtual machine differ from minute to minute by more than what a change is worth; the ratio
/// within a pair does not. So each pair runs both sides back to back, in an order that alternates, with the CPUs'
/// distance probed before and after; a pair in which it changed is dropped, and another one is run in its place.
struct Runner {
  private let options: Options
  private let allowedCPUs = Placement.allowedCPUs()
  private var rows: [Row] = []

  init(options: Options) {
    self.options = options
    print(Row.heading)
  }

  /// Compares two implementations and prints the row.
  ///
  /// - Parameters:
  ///   - name: What is measured, from general to particular: `ring.spsc.same-thread.burst32`.
  ///   - unit: What the figures count.
  ///   - peer: Who the peer is: `c`, `dpdk`, `ubpf` or `kernel`.
  ///   - threads: How many threads run at once, each on a CPU of its own.
  ///   - lowest: The ratio below which `--check` fails.
  ///   - ours: The library's side.
  ///   - theirs: The peer's.
  mutating func compare(
    _ name: String, unit: Unit, peer: String, threads: Int = 1, notBelow lowest: Double,
    ours: @escaping Side, theirs: @escaping Side
  ) {
    run(name, unit, peer: (peer, lowest), threads: threads, sides: [ours, theirs])
  }

  /// Measures what has no peer.
  ///
  /// - Parameters: As `compare`'s.
  mutating func measure(
    _ name: String, unit: Unit, threads: Int = 1, ours: @escaping Side
  ) {
    run(name, unit, peer: nil, threads: threads, sides: [ours])
  }

  private mutating func run(
    _ name: String, _ unit: Unit, peer: (name: String, lowestRatio: Double)?, threads: Int,
    sides: [Side]
  ) {
    guard options.filter.isEmpty || name.contains(options.filter) else { return }
    guard let cpus = cpus(count: threads) else {
      print("\(name): left out, because it needs \(threads) CPUs")
      return
    }
    _ = clinux_pin(cpus[0])
    let windows = sides.map { Window(name, $0, cpus: cpus, length: options.windowNanoseconds) }
    let (pairs, attemptCount) = pairs(of: windows, cpus: cpus, unit)
    let row = Row(
      name: name, unit: unit, peer: peer?.name, lowestRatio: peer?.lowestRatio ?? 0,
      ours: pairs.map { $0.values[0] }, theirs: pairs.compactMap { $0.values.dropFirst().first },
      droppedCount: attemptCount - pairs.count,
      distances: pairs.first?.distances ?? [])
    guard !pairs.isEmpty else {
      print("\(name): no pair in \(attemptCount) kept its placement, so there is no figure")
      return
    }
    rows.append(row)
    print(row.line)
    fflush(nil)
  }

  /// Leaves the first CPU to interrupts and to everybody else, where enough others are left.
  private func cpus(count: Int) -> [UInt32]? {
    guard allowedCPUs.count >= count else { return nil }
    return Array(allowedCPUs.dropFirst(allowedCPUs.count > count ? 1 : 0).prefix(count))
  }

  /// As many pairs as asked for, all of one placement, in at most twice as many attempts.
  private func pairs(
    of windows: [Window], cpus: [UInt32], _ unit: Unit
  ) -> (kept: [Pair], attemptCount: Int) {
    var groups: [[Distance]: [Pair]] = [:]
    var attemptCount = 0
    var largest: [Pair] = []
    for window in windows { _ = window.measure() }
    while largest.count < options.pairCount && attemptCount < 2 * options.pairCount {
      let before = Placement.distances(to: cpus.dropFirst())
      var values = windows.map { _ in 0.0 }
      for i in attemptCount % 2 == 0 ? Array(windows.indices) : windows.indices.reversed() {
        values[i] = unit.value(windows[i].measure())
      }
      attemptCount += 1
      guard Placement.distances(to: cpus.dropFirst()) == before else { continue }
      groups[before, default: []].append(Pair(values: values, distances: before))
      largest = groups.values.max { $0.count < $1.count } ?? []
    }
    return (largest, attemptCount)
  }

  /// Writes the figures where they were asked for.
  ///
  /// - Returns: The exit status.
  func finish() -> Int32 {
    if let path = options.output,
      !write("[" + rows.map(\.json).joined(separator: ",\n ") + "]\n", to: path)
    {
      print("cannot write \(path)")
      return 73
    }
    let below = rows.filter(\.isBelow)
    guard !below.isEmpty else { return 0 }
    print("below what they should reach: " + below.map(\.name).joined(separator: ", "))
    return options.isChecking ? 1 : 0
  }

  private func write(_ text: String, to path: String) -> Bool {
    guard let file = unsafe fopen(path, "w") else { return false }
    unsafe fputs(text, file)
    return unsafe fclose(file) == 0
  }
}

/// What both sides did while the CPUs stayed where they were.
private struct Pair {
  let values: [Double]
  let distances: [Distance]
}
