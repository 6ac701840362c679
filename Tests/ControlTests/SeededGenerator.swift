// SPDX-License-Identifier: Apache-2.0

import Control

/// Random numbers that are the same in every run, so that a failure can be repeated (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func octets(upTo count: Int = 64) -> [UInt8] {
    // Mostly the alphabet of JSON: octets from all 256 rarely get past the first character.
    let alphabet = Array("{}[]\":,\\u0123456789.eE+-truefalsn \n\t\u{1}é".utf8)
    return (0..<Int.random(in: 0...count, using: &self)).map { _ in
      alphabet.randomElement(using: &self) ?? 0
    }
  }

  mutating func string() -> String {
    let alphabet = Array("ab\"\\/\n\u{0}\u{7f}é€😀")
    return String(
      (0..<Int.random(in: 0...6, using: &self)).map { _ in
        alphabet.randomElement(using: &self) ?? " "
      })
  }

  mutating func value(depth: Int) -> JSON {
    switch Int.random(in: 0...(depth > 0 ? 7 : 5), using: &self) {
    case 0: return nil
    case 1: return .boolean(Bool.random(using: &self))
    case 2: return .integer(Int(truncatingIfNeeded: next()))
    case 3: return .integer(Int.random(in: -10...10, using: &self))
    case 4: return .number(Double(Int(truncatingIfNeeded: next())) / 1e7 + 0.5)
    case 5: return .string(string())
    case 6:
      return .array((0..<Int.random(in: 0...4, using: &self)).map { _ in value(depth: depth - 1) })
    default:
      let pairs = (0..<Int.random(in: 0...4, using: &self)).map { _ in
        (string(), value(depth: depth - 1))
      }
      return .object(JSON.Object(pairs))
    }
  }
}
