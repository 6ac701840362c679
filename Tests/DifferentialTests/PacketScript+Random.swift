// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import XDPFrame

extension PacketScript {
  /// A packet of 14 to 73,152 octets with 0 to 17 fragments, and 1 to 8 steps.
  ///
  /// Numbers are drawn near the borders of what can be, where the rules change, more often than between them.
  static func random(_ seed: UInt64) -> PacketScript {
    var generator = SeededGenerator(seed: seed)
    var script = PacketScript(byteCount: 0, linear: 0, steps: [])
    script.first = .random(in: 0...(1 << 17), using: &generator)
    if Bool.random(using: &generator) {
      script.metadata = 4 * .random(in: 0...54, using: &generator)
    }
    script.choosePacket(&generator)
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      script.steps.append(script.randomStep(&generator))
    }
    return script
  }

  private mutating func choosePacket(_ generator: inout SeededGenerator) {
    // What the kernel makes linear holds the metadata, too, but leaves room for it in front.
    linear = near([14, 64, 1_024, Limits.linear], within: 14...Limits.linear, &generator)
    let pages = Int.random(in: 0...Limits.fragments, using: &generator)
    guard Bool.random(using: &generator), pages > 0 else {
      byteCount = linear
      return
    }
    let least = linear + (pages - 1) * Limits.page + 1
    byteCount = near(
      [least, least + Limits.page - 1], within: least...least + Limits.page - 1, &generator)
    byteCount = min(byteCount, linear + Limits.fragments * Limits.page)
  }

  private func randomStep(_ generator: inout SeededGenerator) -> Step {
    let small = Int.random(in: -64...64, using: &generator)
    switch Int.random(in: 0..<6, using: &generator) {
    case 0:
      let room = Limits.headroom - Limits.frameHeader
      let argument = near(
        [-room, -room + metadata, 0, linear - 14], within: -300...linear + 8, &generator)
      return Step(operation: ADJUST_HEAD, argument: Int32(argument))
    case 1:
      let borders = [
        14 - byteCount, linear - byteCount, 0, Limits.linear - linear, Limits.page, -Limits.page,
      ]
      let argument = near(borders, within: -byteCount - 8...Limits.page + 64, &generator)
      return Step(operation: ADJUST_TAIL, argument: Int32(argument))
    case 2:
      let argument = Bool.random(using: &generator) ? small : 4 * small
      return Step(operation: ADJUST_METADATA, argument: Int32(argument))
    case 3, 4:
      let borders = [0, linear, linear + Limits.page, byteCount, 65_535]
      let argument = near(borders, within: -1...byteCount + 64, &generator)
      let isLoad = Bool.random(using: &generator)
      return Step(
        operation: isLoad ? LOAD : STORE, argument: Int32(argument),
        count: .random(in: 1...64, using: &generator))
    default:
      let borders = [linear, Limits.linear, Limits.linear + 216 - metadata, byteCount]
      let argument = near(borders, within: 0...byteCount + 64, &generator)
      return Step(operation: PULL, argument: Int32(argument))
    }
  }

  /// A number of the range: half of the time any, else one beside one of the borders.
  private func near(
    _ borders: [Int], within range: ClosedRange<Int>, _ generator: inout SeededGenerator
  ) -> Int {
    let any = Int.random(in: range, using: &generator)
    guard Bool.random(using: &generator), let border = borders.randomElement(using: &generator)
    else { return any }
    return min(
      max(border + .random(in: -2...2, using: &generator), range.lowerBound), range.upperBound)
  }
}
