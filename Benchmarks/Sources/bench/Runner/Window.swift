// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One side of a comparison, and how many operations of it fill a window.
final class Window {
  private let name: String
  private let side: Side
  private let cpus: [UInt32]
  private let length: UInt64
  private var count: UInt64 = 0

  /// Takes the length of a window in nanoseconds.
  init(_ name: String, _ side: @escaping Side, cpus: [UInt32], length: UInt64) {
    (self.name, self.side, self.cpus, self.length) = (name, side, cpus, length)
  }

  /// Runs for about the length of a window.
  func measure() -> (count: UInt64, nanoseconds: UInt64) {
    if count == 0 { calibrate() }
    let ran = count
    let elapsed = run(ran)
    // The next one is as long as this one should have been.
    resize(after: elapsed)
    return (ran, elapsed)
  }

  private func calibrate() {
    count = 1024
    while true {
      let elapsed = run(count)
      if elapsed >= length / 8 {
        resize(after: elapsed)
        return
      }
      count *= 4
    }
  }

  private func resize(after elapsed: UInt64) {
    let fitting = Double(count) * Double(length) / Double(elapsed)
    count = max(1, UInt64(fitting / 1024)) * 1024
  }

  private func run(_ count: UInt64) -> UInt64 {
    let elapsed = side(count, cpus)
    guard elapsed > 0 else {
      print("\(name): a wrong result, so there is no figure")
      exit(1)
    }
    return elapsed
  }
}
