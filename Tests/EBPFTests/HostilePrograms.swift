// SPDX-License-Identifier: Apache-2.0

import EBPF

/// Programs that try to get out, or to hold on to the thread.
enum HostilePrograms {
  private static func one(
    _ opcode: UInt8, _ destination: UInt8 = 0, _ source: UInt8 = 0, _ offset: Int16 = 0,
    _ immediate: Int32 = 0
  ) -> RawInstruction {
    RawInstruction(
      opcode: opcode, destination: destination, source: source, offset: offset,
      immediate: immediate)
  }

  /// Nine functions, each calling the next.
  private static let deepCalls =
    (0..<8).flatMap { _ in [Code.callLocal(1), Code.exit] } + [Code.exit]

  /// Refused before they run.
  static let refused: [ProgramErrorTests.Row] = [
    .init("nothing", [], at: nil, .size(0)),
    .init("no end", [Code.move(0, 0)], at: 0, .runsOffTheEnd),
    .init("a branch at the end", [Code.exit, one(0x15, 0, 0, -2)], at: 1, .runsOffTheEnd),
    .init("r10 moved", [Code.copy(10, from: 1), Code.exit], at: 0, .frameIsReadOnly),
    .init("r10 increased", [Code.add(10, 8), Code.exit], at: 0, .frameIsReadOnly),
    .init("r10 swapped", [one(0xdc, 10, 0, 0, 64), Code.exit], at: 0, .frameIsReadOnly),
    .init("r10 loaded", [Code.memory(0x79, 10, 1, 0), Code.exit], at: 0, .frameIsReadOnly),
    .init("r10 constant", Code.wide(10, 1) + [Code.exit], at: 0, .frameIsReadOnly),
    .init("r10 fetched", [Code.memory(0xdb, 1, 10, 0, 1), Code.exit], at: 0, .frameIsReadOnly),
    .init(
      "r10 exchanged", [Code.memory(0xdb, 1, 10, 0, 0xe1), Code.exit], at: 0, .frameIsReadOnly),
    .init("r11 read", [Code.copy(0, from: 11), Code.exit], at: 0, .register(11)),
    .init("r15 written", [Code.copy(15, from: 0), Code.exit], at: 0, .register(15)),
    .init("r12 called", [one(0x8d, 12), Code.exit], at: 0, .register(12)),
    .init("r-1 called", [one(0x8d, 0, 0, 0, -1), Code.exit], at: 0, .register(255)),
    .init("a jump out in front", [Code.jump(-2), Code.exit], at: 0, .target(-1)),
    .init("a jump out behind", [Code.jump(1), Code.exit], at: 0, .target(2)),
    .init("a long jump out", [one(0x06, 0, 0, 0, .max), Code.exit], at: 0, .target(1 << 31)),
    .init("a branch out", [one(0x1d, 0, 0, 7), Code.exit], at: 0, .target(8)),
    .init("a call out", [Code.callLocal(5), Code.exit], at: 0, .target(6)),
    .init("a function outside", Code.wide(1, 9, source: 4) + [Code.exit], at: 0, .target(10)),
    .init(
      "a jump into a wide load", [Code.jump(1)] + Code.wide(0, 0x95) + [Code.exit], at: 0,
      .target(2)),
    .init(
      "a branch into a wide load", Code.wide(0, 0x95) + [one(0x15, 0, 0, -2), Code.exit], at: 2,
      .target(1)),
    .init(
      "a call into a wide load", [Code.callLocal(2), Code.exit] + Code.wide(0, 0x95) + [Code.exit],
      at: 0, .target(3)),
    .init(
      "a jump into a function",
      [Code.callLocal(2), Code.jump(2), Code.exit, Code.move(0, 1), Code.exit],
      at: 1, .leavesFunction(4)),
    .init("half a wide load", [Code.exit, Code.wide(0, 1)[0]], at: 1, .tornWideLoad),
    .init("two halves of two", [Code.wide(0, 1)[0], Code.exit], at: 0, .tornWideLoad),
    .init("a call of itself", [Code.callLocal(-1), Code.exit], at: 0, .nesting),
    .init(
      "two that call each other",
      [Code.callLocal(1), Code.exit, Code.callLocal(1), Code.exit, Code.callLocal(-3), Code.exit],
      at: 0, .nesting),
    .init("nine frames", deepCalls, at: 0, .nesting),
    .init("a helper that is not there", [Code.call(12), Code.exit], at: 0, .helper(12)),
    .init(
      "a helper with a huge number", [Code.call(.max), Code.exit], at: 0, .helper(Int(Int32.max))),
    .init("a helper with a negative number", [Code.call(-1), Code.exit], at: 0, .helper(-1)),
    .init("a function of the kernel", [one(0x85, 0, 2, 0, 9), Code.exit], at: 0, .kernelFunction),
    .init(
      "a map that nobody linked", Code.wide(1, 3, source: 1) + [Code.exit], at: 0,
      .unresolvedReference),
    .init(
      "a value that nobody linked", Code.wide(1, 3, source: 2) + [Code.exit], at: 0,
      .unresolvedReference),
    .init(
      "a variable of the kernel", Code.wide(1, 3, source: 3) + [Code.exit], at: 0,
      .unresolvedReference),
    .init(
      "a packet load of old", [one(0x30), Code.exit], at: 0, .unknownInstruction(opcode: 0x30)),
    .init("an opcode of ours", [one(0x29), Code.exit], at: 0, .unknownInstruction(opcode: 0x29)),
    .init("an unknown opcode", [one(0xff), Code.exit], at: 0, .unknownInstruction(opcode: 0xff)),
    .init(
      "an unknown atomic", [Code.memory(0xdb, 1, 2, 0, 0x10), Code.exit], at: 0, .reservedField),
    .init(
      "an atomic octet", [Code.memory(0xd3, 1, 2, 0), Code.exit], at: 0,
      .unknownInstruction(opcode: 0xd3)),
    .init("a reserved field", [one(0xbf, 1, 2, 0, 1), Code.exit], at: 0, .reservedField),
    .init("a swap of 17 bits", [one(0xdc, 1, 0, 0, 17), Code.exit], at: 0, .reservedField),
    .init(
      "a store at r10", [Code.memory(0x72, 10, 0, 0), Code.exit], at: 0, .outsideFrame(offset: 0)),
    .init(
      "a store across r10", [Code.memory(0x7a, 10, 0, -7), Code.exit], at: 0,
      .outsideFrame(offset: -7)),
    .init(
      "a load below the frame", [Code.memory(0x71, 0, 10, -513), Code.exit], at: 0,
      .outsideFrame(offset: -513)),
    .init(
      "an atomic below the frame", [Code.memory(0xdb, 10, 0, -520), Code.exit], at: 0,
      .outsideFrame(offset: -520)),
  ]

  /// A program that is stopped while it runs.
  struct Stopped {
    let name: String
    let slots: [RawInstruction]
    let fault: Fault

    init(_ name: String, _ slots: [RawInstruction], _ fault: Fault = .memory) {
      (self.name, self.slots, self.fault) = (name, slots, fault)
    }
  }

  /// Stopped while they run; r1 is the context, whose first words are the 32-bit places of the packet and of its end.
  static func stopped(_ host: HostileTests.Host) -> [Stopped] {
    outOfBounds(host) + wildPointers(host) + forgedCalls + endless
  }

  private static let packet = [Code.memory(0x61, 2, 1, 0), Code.memory(0x61, 3, 1, 4)]

  private static func outOfBounds(_ host: HostileTests.Host) -> [Stopped] {
    [
      .init("an octet behind the context", [Code.memory(0x71, 0, 1, 24), Code.exit]),
      .init("a word across the context's end", [Code.memory(0x79, 0, 1, 17), Code.exit]),
      .init("an octet behind the packet", packet + [Code.memory(0x71, 0, 3, 0), Code.exit]),
      .init("a word across the packet's end", packet + [Code.memory(0x69, 0, 3, -1), Code.exit]),
      .init("a store behind the packet", packet + [Code.memory(0x72, 3, 0, 0, 1), Code.exit]),
      .init(
        "a store across the packet's end", packet + [Code.memory(0x7a, 3, 0, -4, 1), Code.exit]),
      .init("an atomic behind the packet", packet + [Code.memory(0xdb, 3, 0, 0, 0), Code.exit]),
      .init(
        "an exchange behind the packet", packet + [Code.memory(0xdb, 3, 0, 0, 0xf1), Code.exit]),
      .init(
        "an octet in front of the packet's memory",
        packet + [Code.memory(0x71, 0, 2, -4_064), Code.exit]),
      .init(
        "an octet behind a map's values",
        Code.wide(2, host.mapEnd) + [Code.memory(0x71, 0, 2, 0), Code.exit]),
      .init(
        "a store behind a map's values",
        Code.wide(2, host.mapEnd) + [Code.memory(0x62, 2, 0, -1, 7), Code.exit]),
      .init(
        "an octet above the stack", [Code.copy(2, from: 10), Code.memory(0x71, 0, 2, 0), Code.exit]),
      .init(
        "a store across the stack's end",
        [Code.copy(2, from: 10), Code.memory(0x7a, 2, 0, -7, 1), Code.exit]),
      .init(
        "an octet below the stack",
        [Code.copy(2, from: 10), Code.add(2, -4_096), Code.memory(0x71, 0, 2, -1), Code.exit]),
    ]
  }

  private static func wildPointers(_ host: HostileTests.Host) -> [Stopped] {
    [
      .init("NULL", [Code.move(2, 0), Code.memory(0x79, 0, 2, 0), Code.exit]),
      .init("a store through NULL", [Code.move(2, 0), Code.memory(0x7a, 2, 0, 8), Code.exit]),
      .init(
        "the handle of a map", [Code.move(2, 0x1_0007), Code.memory(0x79, 0, 2, 0), Code.exit]),
      .init("the host's heap", Code.wide(2, host.heap) + [Code.memory(0x7a, 2, 0, 0), Code.exit]),
      .init(
        "the host's trusted memory",
        Code.wide(2, host.trusted) + [Code.memory(0x7a, 2, 0, 0), Code.exit]),
      .init("the end of the window", [Code.move(2, -1), Code.memory(0x79, 0, 2, 0), Code.exit]),
      .init(
        "behind the end of the window",
        [Code.move(2, -1), Code.memory(0x7a, 2, 0, 0x7fff), Code.exit]),
      .init(
        "in front of the window", [Code.move(2, 0), Code.memory(0x7a, 2, 0, -0x8000), Code.exit]),
      .init(
        "a number that grows past 32 bits",
        Code.wide(2, 0x7fff_ffff_ffff_fff8) + [
          Code.add(2, 64), Code.memory(0x7a, 2, 0, 0), Code.exit,
        ]),
      .init(
        "an atomic in a hole",
        Code.wide(2, 0xffff_ffff_8000_0000) + [Code.memory(0xc3, 2, 0, 0, 1), Code.exit]),
    ]
  }

  private static let forgedCalls: [Stopped] = [
    .init("a call of a number", [Code.move(2, 77), one(0x8d, 2), Code.exit], .badCall),
    .init("a call past the helpers", [Code.move(2, 512), one(0x8d, 2), Code.exit], .badCall),
    .init("a call of the stack", [Code.copy(2, from: 10), one(0x8d, 2), Code.exit], .badCall),
    .init(
      "a function's handle, forged", Code.wide(2, 1 << 63 | 3) + [one(0x8d, 2), Code.exit], .badCall
    ),
    .init(
      "a function's handle outside", Code.wide(2, 1 << 63 | 4_000) + [one(0x8d, 2), Code.exit],
      .badCall),
    .init("the largest handle", Code.wide(2, ~0) + [one(0x8d, 2), Code.exit], .badCall),
    .init(
      "a function that calls itself by its handle",
      Code.wide(2, 0xffff_ffff, source: 4) + [one(0x8d, 2), Code.exit], .callDepth),
    .init("a helper that refuses", [Code.call(1), Code.exit], .helper),
    .init(
      "a callback that is none", [Code.copy(2, from: 10), Code.call(181), Code.exit], .badCall),
    .init(
      "a callback that calls back",
      Code.wide(2, 0xffff_ffff, source: 4) + [Code.call(181), Code.exit], .callDepth),
  ]

  private static let endless: [Stopped] = [
    .init("a jump to itself", [Code.jump(-1), Code.exit], .fuel),
    .init("a long jump to itself", [one(0x06, 0, 0, 0, -1), Code.exit], .fuel),
    .init("a branch to itself", [one(0x1d, 0, 0, -1), Code.exit], .fuel),
    .init("a circle of three", [Code.jump(1), Code.exit, Code.jump(0), Code.jump(-4)], .fuel),
    .init("a loop that calls", [Code.callLocal(2), Code.jump(-2), Code.exit, Code.exit], .fuel),
    .init("a loop of helpers", [Code.call(5), Code.jump(-2), Code.exit], .fuel),
    .init("a program that replaces itself", [Code.call(12), Code.jump(-2), Code.exit], .fuel),
  ]
}
