// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// One side of a comparison: does so many operations and returns the nanoseconds they took, 0 if the result was wrong.
///
/// The calling thread is pinned to the first CPU; the rest are for the threads that it starts. The count is a multiple
/// of 1024, so that a burst divides it.
typealias Side = (_ count: UInt64, _ cpus: [UInt32]) -> UInt64

/// Runs ours and the peers' in turns, in windows so short that the machine stays the same in a turn.
///
/// Absolute figures of a virtual machine differ from minute to minute by more than what a change is worth; the ratio
/// within a turn does not. So each turn runs all sides back to back, in an order that alternates, with the CPUs'
/// distance probed before and after; a turn in which it changed is dropped, and another one is run in its place.
struct Runner {
  private let options: Options
  private let allowedCPUs = Placement.allowedCPUs()
  private var rows: [Row] = []
  /// The peers in DPDK, if they were asked for and can be had.
  let dpdk: DPDK?

  init(options: Options) {
    self.options = options
    dpdk = options.dpdk.flatMap { [allowedCPUs] path in
      do throws(DPDK.Missing) {
        return try DPDK(path: path, cpu: allowedCPUs.last ?? 0)
      } catch {
        print("dpdk: left out: \(error)")
        return nil
      }
    }
    if options.once == nil { print(Row.heading) }
  }

  /// Compares ours with each peer and prints a row for each.
  ///
  /// - Parameters:
  ///   - name: What is measured, from general to particular: `ring.spsc.same-thread.burst32`.
  ///   - unit: What the figures count.
  ///   - threads: How many threads run at once, each on a CPU of its own.
  ///   - peers: With whom ours takes turns; without any, ours is measured alone.
  ///   - ours: The library's side.
  mutating func compare(
    _ name: String, unit: Unit, threads: Int = 1, peers: [Peer], ours: @escaping Side
  ) {
    guard includes(name) else { return }
    guard let cpus = cpus(count: threads) else {
      print("\(name): left out, because it needs \(threads) CPUs")
      return
    }
    if let count = options.once {
      _ = ours(count, cpus)
      return
    }
    _ = clinux_pin(cpus[0])
    let windows = ([ours] + peers.map(\.side)).map {
      Window(name, $0, cpus: cpus, length: options.windowNanoseconds)
    }
    let (turns, attemptCount) = turns(of: windows, cpus: cpus, unit)
    guard let distances = turns.first?.distances else {
      print("\(name): no turn in \(attemptCount) kept its placement, so there is no figure")
      return
    }
    for peer in peers.isEmpty ? [nil] : peers.indices.map(Int?.some) {
      let row = Row(
        name: name, unit: unit, peer: peer.map { peers[$0].name },
        lowestRatio: peer.map { peers[$0].lowestRatio } ?? 0, ours: turns.map { $0.values[0] },
        theirs: peer.map { peer in turns.map { $0.values[peer + 1] } } ?? [],
        droppedCount: attemptCount - turns.count, distances: distances)
      rows.append(row)
      print(row.line)
    }
    fflush(nil)
  }

  /// Whether a benchmark was asked for; tells before a set-up that takes long.
  func includes(_ name: String) -> Bool { options.filter.isEmpty || name.contains(options.filter) }

  /// Leaves the first CPU to interrupts and to everybody else, where enough others are left.
  private func cpus(count: Int) -> [UInt32]? {
    guard allowedCPUs.count >= count else { return nil }
    return Array(allowedCPUs.dropFirst(allowedCPUs.count > count ? 1 : 0).prefix(count))
  }

  /// As many turns as asked for, all of one placement, in at most twice as many attempts.
  private func turns(
    of windows: [Window], cpus: [UInt32], _ unit: Unit
  ) -> (kept: [Turn], attemptCount: Int) {
    var groups: [[Distance]: [Turn]] = [:]
    var attemptCount = 0
    var largest: [Turn] = []
    for window in windows { _ = window.measure() }
    while largest.count < options.pairCount && attemptCount < 2 * options.pairCount {
      let before = Placement.distances(to: cpus.dropFirst())
      var values = windows.map { _ in 0.0 }
      for i in attemptCount % 2 == 0 ? Array(windows.indices) : windows.indices.reversed() {
        values[i] = unit.value(windows[i].measure())
      }
      attemptCount += 1
      guard Placement.distances(to: cpus.dropFirst()) == before else { continue }
      groups[before, default: []].append(Turn(values: values, distances: before))
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

/// What all sides did while the CPUs stayed where they were.
private struct Turn {
  let values: [Double]
  let distances: [Distance]
}
