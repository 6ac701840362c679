// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

extension EndToEnd {
  @Suite struct InterfaceTests {
    /// Waits for a state of the port; answers whether it came.
    private func wait(for state: PortStatus.State, _ rig: Rig) -> Bool {
      for _ in 0..<500 {
        if rig.port.status.state == state { return true }
        Syscalls.Thread.sleep(for: .milliseconds(10))
      }
      return false
    }

    @Test func twentyFlapsUnderTrafficLeaveTheBooksExact() throws {
      try withNetworkNamespaces { pair in
        let rig = try Rig(on: pair, programs: [Count(verdict: .drop), Reflect()])
        let traffic = Traffic(rate: 20_000)
        let sender = try traffic.start(.max, on: pair)
        for _ in 0..<20 {
          try pair.b.run { try Interface(named: "right").setUp(false) }
          #expect(wait(for: .down, rig))
          try pair.b.run { try Interface(named: "right").setUp(true) }
          #expect(wait(for: .up, rig))
        }
        let before = rig.received
        for _ in 0..<200 where rig.received <= before + 1_000 {
          Syscalls.Thread.sleep(for: .milliseconds(10))
        }
        #expect(rig.received > before)
        traffic.stop()
        sender.join()
        rig.settle()
        rig.stopAndCheck()
      }
    }

    @Test func anInterfaceThatIsDeletedAndMadeAgainIsTakenUpAgain() throws {
      try withNetworkNamespaces { pair in
        let rig = try Rig(on: pair, programs: [Count(verdict: .drop), Drop()])
        try Traffic(rate: 20_000).run(5_000, on: pair)
        try pair.b.run { try Interface(named: "right").delete() }
        #expect(wait(for: .gone, rig))
        #expect(!rig.port.status.reason.isEmpty)
        let again = try VethPair("left", in: pair.a, peer: "right", in: pair.b)
        #expect(wait(for: .up, rig))
        let before = rig.received
        try send(2_000, from: again.first, in: pair.a)
        rig.settle()
        #expect(rig.received >= before + 2_000)
        rig.stopAndCheck()
      }
    }

    private func send(
      _ count: Int, from interface: Interface, in namespace: NetworkNamespace
    )
      throws
    {
      let socket = try namespace.run { try PacketSocket(interface, receives: false) }
      for place in 0..<count {
        let packet = NumberedPacket(flow: 1, place: UInt32(place)).octets(byteCount: 64)
        // Safe: the packet lives until the call returns.
        try unsafe packet.withUnsafeBytes { octets in
          var frame = unsafe octets
          try unsafe withUnsafePointer(to: &frame) {
            while try unsafe socket.send($0, count: 1) == 0 {}
          }
        }
        if place % 64 == 0 { Syscalls.Thread.sleep(for: .microseconds(500)) }
      }
    }
  }
}
