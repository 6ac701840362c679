// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import TestSupport
import Testing

@Suite(.requiresNetworkNamespaces)
struct InterfaceTests {
  @Test func anInterfaceIsFoundByItsName() throws {
    try withNetworkNamespaces { pair in
      try pair.a.run {
        let found = try Interface(named: "left")
        #expect(found == pair.left)
        #expect(Interface.exists("left") && !Interface.exists("right"))
      }
    }
  }

  @Test func oneThatIsNotThereSaysSo() throws {
    let error = #expect(throws: SystemCallError.self) { try Interface(named: "no-such-if") }
    #expect(error == SystemCallError("if_nametoindex", "no-such-if", errno: .noSuchDevice))
    let ghost = Interface(index: 4_000_000, name: "ghost")
    let gone = #expect(throws: SystemCallError.self) { try ghost.state() }
    #expect(gone?.errno == .noSuchDevice)
    #expect(gone?.description.hasPrefix("RTM_GETLINK ghost") == true)
  }

  @Test func upAndDownShowAtBothEnds() throws {
    try withNetworkNamespaces { pair in
      try pair.a.run { try pair.left.setUp(false) }
      let down = try pair.a.run { try pair.left.state() }
      #expect(!down.isUp && !down.isRunning)
      let other = try pair.b.run { try pair.right.state() }
      #expect(other.isUp && !other.flags.contains(.carrier))
      try pair.a.run { try pair.left.setUp(true) }
      try pair.a.run { try pair.left.waitUntilTransmitting() }
      let up = try pair.b.run { try pair.right.state() }
      #expect(up.isRunning && up.flags.contains(.carrier))
    }
  }

  @Test func waitingForAPeerThatIsDownHasAnEnd() throws {
    try withNetworkNamespaces { pair in
      try pair.b.run { try pair.right.setUp(false) }
      let error = #expect(throws: SystemCallError.self) {
        try pair.a.run { try pair.left.waitUntilTransmitting(timeout: .milliseconds(20)) }
      }
      #expect(error?.errno == .timedOut && error?.subject == "left")
    }
  }

  @Test func whatIsSetIsReadBack() throws {
    try withNetworkNamespaces { pair in
      let address = try #require(HardwareAddress("02:00:5e:00:53:0a"))
      try pair.a.run {
        try pair.left.setMTU(9000)
        try pair.left.setHardwareAddress(address)
        try pair.left.setUp(false)
        try pair.left.rename(to: "renamed")
      }
      let state = try pair.a.run { try pair.left.state() }
      #expect(state.mtu == 9000)
      #expect(state.minimumMTU == 68 && state.maximumMTU == 65_535)
      #expect(state.hardwareAddress == address)
      #expect(state.name == "renamed")
    }
  }

  @Test(arguments: ["192.0.2.1/24", "2001:db8::1/64"])
  func anAddressCanBeAddedTwice(prefix: String) throws {
    let namespace = try NetworkNamespace.anonymous()
    try namespace.run {
      let loopback = try Interface(named: "lo")
      try loopback.addAddress(prefix)
      try loopback.addAddress(prefix)
    }
    // The address is there: a socket can be bound to it.
    try namespace.run { try bindDatagramSocket(to: prefix) }
  }

  @Test(arguments: ["", "192.0.2.1", "192.0.2.1/33", "::1/129", "192.0.2/24", "x/8", "1.2.3.4/-1"])
  func whatIsNoAddressSaysSo(prefix: String) throws {
    let error = #expect(throws: SystemCallError.self) {
      try Interface(index: 1, name: "lo").addAddress(prefix)
    }
    #expect(error == SystemCallError("inet_pton", prefix, errno: .invalidArgument))
  }

  @Test func anInterfaceCanMoveAndBeDeleted() throws {
    try withNetworkNamespaces { pair in
      try pair.a.run { try pair.left.move(to: pair.b) }
      let left = try pair.b.run { try Interface(named: "left") }
      #expect(try pair.a.run { try Interface.all().map(\.name) } == ["lo"])
      let isUp = try pair.b.run { try left.state().isUp }
      #expect(!isUp)
      try pair.b.run { try left.delete() }
      #expect(try pair.b.run { try Interface.all().map(\.name) } == ["lo"])
    }
  }

  @Test func whatAnInterfaceDoesForTheKernelCanBeChosen() throws {
    try withNetworkNamespaces { pair in
      try pair.a.run {
        for offload in [Offload.transmitChecksum, .scatterGather, .genericReceive] {
          for enabled in [true, false, true] {
            try pair.left.setOffload(offload, enabled)
            let isOn = try pair.left.offloads(offload)
            #expect(isOn == enabled, "\(offload)")
          }
        }
      }
    }
  }

  @Test func aDriverThatGivesNoChoiceSaysSo() throws {
    let namespace = try NetworkNamespace.anonymous()
    let error = #expect(throws: SystemCallError.self) {
      try namespace.run { try Interface(named: "lo").setOffload(.receiveChecksum, false) }
    }
    #expect(error == SystemCallError("ioctl ETHTOOL_SRXCSUM", "lo", errno: .notSupported))
  }

  @Test func oneWithoutChannelsCountsWhatItWasCreatedWith() throws {
    let namespace = try NetworkNamespace.anonymous()
    let counts = try namespace.run { try Interface(named: "lo").queueCounts() }
    #expect(counts.receive == 1 && counts.transmit == 1)
  }

  private func bindDatagramSocket(to prefix: String) throws {
    let text = String(prefix.prefix { $0 != "/" })
    if text.contains(":") {
      var address = sockaddr_in6()
      address.sin6_family = UInt16(AF_INET6)
      try #require(unsafe inet_pton(AF_INET6, text, &address.sin6_addr) == 1)
      try Socket(.ipv6, .datagram).bind(address, text)
    } else {
      var address = sockaddr_in()
      address.sin_family = UInt16(AF_INET)
      try #require(unsafe inet_pton(AF_INET, text, &address.sin_addr) == 1)
      try Socket(.ipv4, .datagram).bind(address, text)
    }
  }
}

struct HardwareAddressTests {
  @Test(arguments: ["00:00:00:00:00:00", "02:00:5e:00:53:0a", "ff:ff:ff:ff:ff:ff"])
  func textIsReadAndWritten(text: String) {
    #expect(HardwareAddress(text)?.description == text)
  }

  @Test(arguments: [
    "", "1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:100", "1:2:3:4:5:g", ":::::", "001:2:3:4:5:6",
  ])
  func whatIsNoAddressIsNil(text: String) {
    #expect(HardwareAddress(text) == nil)
  }

  @Test func theFirstOctetIsTheHighest() {
    let address = HardwareAddress(rawValue: 0xffff_0102_0304_0506)
    #expect(address.octets == [1, 2, 3, 4, 5, 6])
    #expect(HardwareAddress(octets: [1, 2, 3, 4, 5, 6]) == address)
    #expect(HardwareAddress(octets: [1, 2, 3]) == nil)
  }
}
