// SPDX-License-Identifier: Apache-2.0

import CLinux
import TestSupport
import Testing

@testable import Syscalls

struct NetlinkReaderTests {
  @Test func whatIsBuiltIsReadBack() throws {
    let events = InterfaceEvent.read(link(name: "eth7", mtu: 1400, type: RTM_NEWLINK))
    let event = try #require(events.first)
    #expect(events.count == 1)
    #expect(event.change == .changed && event.isUp)
    #expect(event.index == 77 && event.name == "eth7")
    #expect(event.state.mtu == 1400)
    #expect(event.state.kind == "veth")
    #expect(event.state.hardwareAddress?.description == "02:00:00:00:00:01")
    #expect(event.state.xdpAttachment == 1 && event.state.xdpProgramID == 0xdead)
  }

  @Test func whatTheKernelMarksAsNestedIsReadAsTheSame() {
    let marked = 0x8000 | IFLA_LINKINFO
    var message = NetlinkRequest("", type: RTM_NEWLINK, ifinfomsg())
    message.nest(marked) { $0.attribute(0x4000 | IFLA_INFO_KIND, text: "tun") }
    let events = InterfaceEvent.read(message.finished(flags: 0, sequence: 0))
    #expect(events.map(\.state.kind) == ["tun"])
  }

  @Test func severalMessagesLieBehindEachOther() {
    let stream =
      link(name: "a", mtu: 1, type: RTM_NEWLINK) + link(name: "abcde", mtu: 2, type: RTM_DELLINK)
      + link(name: "b", mtu: 3, type: RTM_NEWADDR) + link(name: "c", mtu: 4, type: RTM_NEWLINK)
    let events = InterfaceEvent.read(stream)
    #expect(events.map(\.name) == ["a", "abcde", "c"])
    #expect(events.map(\.change) == [.changed, .removed, .changed])
  }

  @Test func everyLengthThatIsCutOffIsTakenWithoutHarm() {
    let whole = link(name: "eth7", mtu: 1400, type: RTM_NEWLINK)
    for count in 0..<whole.count {
      let events = InterfaceEvent.read(Array(whole[..<count]))
      #expect(events.isEmpty, "\(count) of \(whole.count) octets")
    }
  }

  @Test func lengthsThatLieEndTheWalk() {
    // A message that claims no header at all would be walked for ever.
    for length in [0, 1, 15, 1 << 31, .max] as [UInt32] {
      var stream = link(name: "eth7", mtu: 1400, type: RTM_NEWLINK)
      stream.overwrite(length, at: 0)
      #expect(InterfaceEvent.read(stream).isEmpty)
    }
    for length in [0, 1, 3, 0x7fff, .max] as [UInt16] {
      var stream = link(name: "eth7", mtu: 1400, type: RTM_NEWLINK)
      stream.overwrite(length, at: 32)
      let event = InterfaceEvent.read(stream).first
      #expect(event?.index == 77 && event?.name == "" && event?.state.mtu == 0)
    }
  }

  @Test(arguments: 0..<8)
  func anyOctetsAreTakenWithoutHarm(seed: UInt64) {
    var generator = Numbers(seed: seed)
    let sample = link(name: "eth7", mtu: 1400, type: RTM_NEWLINK)
    for _ in 0..<4000 {
      var octets = Bool.random(using: &generator) ? sample + sample : []
      if octets.isEmpty {
        octets = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
      }
      for _ in 0..<Int.random(in: 1...8, using: &generator) where !octets.isEmpty {
        let index = Int.random(in: octets.indices, using: &generator)
        octets[index] = UInt8.random(in: 0...255, using: &generator)
      }
      // To arrive here at the end is the test; and nothing is made of nothing.
      let events = InterfaceEvent.read(octets)
      #expect(events.count <= octets.count / 32)
      _ = NetlinkAnswer(octets, to: 1) { _, _ in }
    }
  }
}

struct NetlinkAnswerTests {
  @Test func theKernelsWordIsUnderstood() {
    #expect(answer(error: 0) == .finished)
    #expect(answer(error: -EBUSY) == .refused(.resourceBusy, reason: ""))
    #expect(
      answer(error: -EINVAL, reason: "mtu too odd")
        == .refused(.invalidArgument, reason: "mtu too odd"))
  }

  @Test func anAnswerToSomebodyElseIsLeftAlone() {
    #expect(answer(error: 0, sequence: 8) == .unfinished)
    #expect(NetlinkAnswer([], to: 7) { _, _ in } == .unfinished)
  }

  @Test func aListThatChangedMeanwhileIsRefused() {
    let done = NetlinkRequest("", type: Int(NLMSG_DONE), Int32(0))
    #expect(
      NetlinkAnswer(done.finished(flags: NLM_F_MULTI, sequence: 7), to: 7) { _, _ in } == .finished)
    let torn = NetlinkAnswer(done.finished(flags: Int32(NLM_F_DUMP_INTR), sequence: 7), to: 7) {
      _, _ in
    }
    #expect(torn == .refused(.interrupted, reason: "the list changed meanwhile"))
  }

  private func answer(error: Int32, reason: String? = nil, sequence: UInt32 = 7) -> NetlinkAnswer {
    var message = NetlinkRequest("", type: Int(NLMSG_ERROR), error)
    message.append(nlmsghdr())
    if let reason { message.attribute(Int(NLMSGERR_ATTR_MSG.rawValue), text: reason) }
    return NetlinkAnswer(message.finished(flags: 0, sequence: sequence), to: 7) { _, _ in }
  }
}

/// A message about a link as the kernel lays it out: the header of 16 octets, `ifinfomsg` of 16, attributes.
private func link(name: String, mtu: UInt32, type: Int) -> [UInt8] {
  var header = ifinfomsg()
  header.ifi_index = 77
  header.ifi_flags = InterfaceFlags.up.rawValue
  var message = NetlinkRequest("", type: type, header)
  message.attribute(IFLA_IFNAME, text: name)
  message.attribute(IFLA_MTU, mtu)
  message.attribute(IFLA_ADDRESS, octets: [2, 0, 0, 0, 0, 1])
  message.nest(IFLA_LINKINFO) { $0.attribute(IFLA_INFO_KIND, text: "veth") }
  message.nest(IFLA_XDP) {
    $0.attribute(IFLA_XDP_ATTACHED, UInt8(1))
    $0.attribute(IFLA_XDP_PROG_ID, 0xdead as UInt32)
  }
  return message.finished(flags: 0, sequence: 0)
}

extension InterfaceEvent {
  fileprivate static func read(_ octets: [UInt8]) -> [InterfaceEvent] {
    // Safe: any octets may be looked at as octets.
    events(in: unsafe octets.span.bytes)
  }
}

extension [UInt8] {
  fileprivate mutating func overwrite<Value: FixedWidthInteger>(_ value: Value, at position: Int) {
    for index in 0..<MemoryLayout<Value>.size {
      self[position + index] = UInt8(truncatingIfNeeded: value >> (8 * Value(index)))
    }
  }
}

/// Numbers that are the same in every run (splitmix64).
private struct Numbers: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
