// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import TestSupport
import Testing

@Suite(.requiresNetworkNamespaces)
struct VethPairTests {
  @Test(arguments: [(68, 1), (1500, 2), (9000, 4), (65535, 1)] as [(UInt32, UInt32)])
  func bothEndsAreAsAskedFor(mtu: UInt32, queueCount: UInt32) throws {
    try withNetworkNamespaces(mtu: mtu, queueCount: queueCount) { pair in
      for (interface, namespace) in [(pair.left, pair.a), (pair.right, pair.b)] {
        try namespace.run {
          let state = try interface.state()
          #expect(state.name == interface.name)
          #expect(state.isUp && state.isRunning && state.transmits)
          #expect(state.mtu == mtu)
          #expect(state.kind == "veth")
          #expect(state.hardwareAddress != nil)
          #expect(state.xdpAttachment == 0)
          let queues = try interface.queueCounts()
          #expect(queues.receive == queueCount && queues.transmit == queueCount)
          #expect(try interface.driverName() == "veth")
        }
      }
    }
  }

  @Test func checksumsAndSegmentationAreLeftToSoftware() throws {
    try withNetworkNamespaces { pair in
      try pair.a.run {
        for offload in [Offload.transmitChecksum, .tcpSegmentation, .genericSegmentation] {
          let isOn = try pair.left.offloads(offload)
          #expect(!isOn, "\(offload)")
        }
      }
    }
  }

  @Test func thePairGoesWithItsValue() throws {
    let namespace = try NetworkNamespace.anonymous()
    do {
      let pair = try VethPair("one", in: namespace, peer: "two", in: namespace)
      let names = try namespace.run { try Interface.all().map(\.name) }
      #expect(names.sorted() == ["lo", "one", "two"])
      #expect(pair.first.index != pair.second.index)
    }
    #expect(try namespace.run { try Interface.all().map(\.name) } == ["lo"])
  }

  @Test func aNameThatIsTakenLeavesNothingBehind() throws {
    let namespace = try NetworkNamespace.anonymous()
    let error = #expect(throws: SystemCallError.self) {
      _ = try VethPair("lo", in: namespace, peer: "two", in: namespace)
    }
    #expect(error?.errno == .fileExists)
    #expect(try namespace.run { try Interface.all().map(\.name) } == ["lo"])
  }

  @Test func theKernelsReasonIsInTheError() throws {
    try withNetworkNamespaces { pair in
      let error = #expect(throws: SystemCallError.self) {
        try pair.a.run { try pair.left.setMTU(20) }
      }
      #expect(error?.errno == .invalidArgument)
      #expect(error?.call == "RTM_NEWLINK IFLA_MTU")
      #expect(error?.subject == "left (mtu less than device minimum)")
    }
  }

  @Test func whatOneEndTransmitsTheOtherReceives() throws {
    try withNetworkNamespaces { pair in
      let sender = try pair.a.run { try packetSocket(on: pair.left) }
      let receiver = try pair.b.run { try packetSocket(on: pair.right) }
      let frame = [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xb5] + (0..<50)
      let sent = try unsafe frame.withUnsafeBytes { try unsafe sender.send($0) }
      #expect(sent == frame.count)
      #expect(try Poll.wait(receiver.raw, for: .readable, timeout: .seconds(5)) == .readable)
      var received = [UInt8](repeating: 0, count: 2048)
      let count = try unsafe received.withUnsafeMutableBytes {
        try unsafe receiver.receive(into: $0)
      }
      #expect(Array(received[..<(count ?? 0)]) == frame)
    }
  }
}

private func packetSocket(on interface: Interface) throws -> Socket {
  let experimental: UInt16 = 0x88b5
  let socket = try Socket(.packet, .raw, transport: Int32(experimental.bigEndian))
  var address = sockaddr_ll()
  address.sll_family = UInt16(AF_PACKET)
  address.sll_protocol = experimental.bigEndian
  address.sll_ifindex = Int32(interface.index)
  try socket.bind(address, interface.name)
  return socket
}
