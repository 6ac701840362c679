// SPDX-License-Identifier: Apache-2.0

import Wire

/// Octets written in hexadecimal; spaces and line ends do not count.
func hex(_ text: String) -> [UInt8] {
  let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
  precondition(digits.count % 2 == 0, "Two digits make an octet.")
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// A generator of random numbers that a seed repeats (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// A number in 0..<limit.
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

// Safe: arrays of octets have no padding, which is all that `bytes` warns of.
func reading<Result>(_ octets: some Collection<UInt8>, _ body: (RawSpan) -> Result) -> Result {
  let octets = ContiguousArray(octets)
  return body(unsafe octets.span.bytes)
}

func flowHash(_ packet: [UInt8], seed: UInt64 = 0) -> UInt32 {
  reading(packet) { FlowHash.symmetric($0, seed: seed) }
}

func checksum(_ octets: some Collection<UInt8>) -> UInt16 {
  reading(octets) { Checksum.of($0) }
}

extension Checksum {
  mutating func add(octets: some Collection<UInt8>) {
    var sum = self
    reading(octets) { sum.add($0) }
    self = sum
  }
}

let station1 = MACAddress(2, 0, 0, 0, 0, 1)
let station2 = MACAddress(2, 0, 0, 0, 0, 2)
let host4a = IPv4Address(10, 1, 2, 3)
let host4b = IPv4Address(192, 0, 2, 77)
let host6a = IPv6Address(high: 0x2001_0db8_0000_0001, low: 0x0000_0000_0000_00aa)
let host6b = IPv6Address(high: 0x2001_0db8_0000_0002, low: 0xfe01_0203_0405_06bb)

func dissect(_ frame: some Collection<UInt8>) -> Dissection {
  reading(frame) { Dissection(parsing: $0) }
}

func verify(_ frame: some Collection<UInt8>) -> Checksum.Verification {
  reading(frame) { Checksum.verify($0) }
}
