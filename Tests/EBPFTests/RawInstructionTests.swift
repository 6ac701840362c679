// SPDX-License-Identifier: Apache-2.0

import EBPF
import Testing

@Suite struct RawInstructionTests {
  @Test func fieldsLieWhereTheStandardPutsThem() {
    let slot = RawInstruction(
      opcode: 0x7b, destination: 10, source: 3, offset: -8, immediate: -1)
    #expect(slot.word == 0xffff_ffff_fff8_3a7b)
    #expect(slot.opcode == 0x7b && slot.destination == 10 && slot.source == 3)
    #expect(slot.offset == -8 && slot.immediate == -1)
  }
}
