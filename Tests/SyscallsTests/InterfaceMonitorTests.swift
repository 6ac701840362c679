// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import TestSupport
import Testing

@Suite(.requiresNetworkNamespaces)
struct InterfaceMonitorTests {
  @Test func anInterfaceThatComesChangesAndGoesIsHeardOf() throws {
    let namespace = try NetworkNamespace.anonymous()
    var monitor = try namespace.run { try InterfaceMonitor() }
    let quiet = try monitor.read()
    #expect(quiet.events.isEmpty && !quiet.hasLost)

    let pair = try VethPair("one", in: namespace, peer: "two", in: namespace)
    let index = pair.first.index
    let born = try monitor.read(about: "one")
    #expect(born.last?.change == .changed && born.last?.isUp == true)
    #expect(born.last?.index == index)

    try namespace.run { try Interface(named: "one").setUp(false) }
    let down = try monitor.read(about: "one")
    #expect(down.last?.change == .changed && down.last?.isUp == false)

    end(pair)
    let gone = try monitor.read(about: "one")
    #expect(gone.last?.change == .removed && gone.last?.isUp == false)
  }

  @Test func oneThatMovesSaysWhereTo() throws {
    try withNetworkNamespaces { pair in
      var monitor = try pair.a.run { try InterfaceMonitor() }
      try pair.a.run { try pair.left.move(to: pair.b) }
      let index = try pair.b.run { try Interface(named: "left").index }
      let events = try monitor.read(about: "left")
      #expect(events.last?.change == .moved(indexAfterMove: index))
    }
  }

  @Test func theSocketIsReadableWhenThereIsSomethingToHear() throws {
    try withNetworkNamespaces { pair in
      let monitor = try pair.a.run { try InterfaceMonitor() }
      #expect(try Poll.wait(monitor.descriptor, for: .readable, timeout: .zero) == [])
      try pair.a.run { try pair.left.setMTU(1400) }
      #expect(
        try Poll.wait(monitor.descriptor, for: .readable, timeout: .seconds(5)) == .readable)
    }
  }

  @Test func whatTheKernelHadToDropIsToldOnce() throws {
    try withNetworkNamespaces { pair in
      var monitor = try pair.a.run { try InterfaceMonitor() }
      // Each change is a message of about a kibibyte; the socket's buffer holds a few hundred of them.
      try pair.a.run {
        for round in 0..<2000 as Range<UInt32> { try pair.left.setMTU(1000 + round % 2) }
      }
      let batch = try monitor.read()
      #expect(batch.hasLost && !batch.events.isEmpty)
      let after = try monitor.read()
      #expect(!after.hasLost && after.events.isEmpty)
    }
  }
}

extension InterfaceMonitor {
  fileprivate mutating func read(about name: String) throws -> [InterfaceEvent] {
    try read().events.filter { $0.name == name }
  }
}
