// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Syscalls
import Testing

struct RingTests {
  @Test func aBatchCompletesInOrderWithItsTokens() throws {
    let ring = try Ring(entries: 32)
    for token in 0..<32 as Range<UInt64> {
      let hasRoom = ring.submission.enqueue(Nop(), token: token)
      #expect(hasRoom)
    }
    let hasRoom = ring.submission.enqueue(Nop(), token: 99)
    #expect(!hasRoom)
    let arrived = try ring.submitAndWait(32)
    #expect(arrived == 32)
    var tokens: [UInt64] = []
    let taken = ring.completion.drain { tokens.append($0.token) }
    #expect(taken == 32)
    #expect(tokens == Array(0..<32))
    let rest = ring.completion.take()
    #expect(rest == nil)
  }
}
