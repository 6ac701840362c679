// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Ports
import Syscalls
import TestSupport
import Testing
import XDPFrame

/// What a process holds: anything that is left behind shows up here.
private struct Holdings: Equatable {
  var descriptors: Int
  var mappings: Int
  var trustedByteCount: UInt
  var arenaByteCount: UInt

  init(_ arena: Arena) {
    descriptors = Holdings.entries(of: "/proc/self/fd")
    // Those of files and sockets, which have an inode; a sanitizer maps anonymous memory as it goes.
    let maps = TextFile.contents("/proc/self/maps") ?? ""
    mappings = maps.split(separator: "\n")
      .count { line in line.split(separator: " ").dropFirst(4).first.map { $0 != "0" } ?? false }
    (trustedByteCount, arenaByteCount) = arena.freeByteCounts
  }

  private static func entries(of path: String) -> Int {
    // Safe: the directory is closed before its entries are used.
    guard let directory = unsafe opendir(path) else { return 0 }
    defer { unsafe _ = closedir(directory) }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    return count
  }
}

@Suite(.requiresNetworkNamespaces)
struct AFXDPLifetimeTests {
  /// In a process of its own, where nobody else opens files meanwhile.
  @Test func aHundredPortsLeaveNothingBehind() async throws {
    await #expect(processExitsWith: .success) {
      try withNetworkNamespaces(mtu: 9_000) { pair in
        let arena = try Arena()
        let registry = MemoryRegistry(arena: arena)
        let sender = try PacketSocket(on: pair.left, in: pair.a)
        let loop = Loop()
        var before: Holdings?
        for round in 0..<110 {
          // What the first ports make the runtime and the C library allocate stays.
          if round == 10 { before = Holdings(arena) }
          let port = try pair.b.run {
            try AFXDPPort(
              name: "in", device: "right", registry: registry,
              chunkByteCount: round % 2 == 0 ? 4_096 : 2_048,
              options: smallOptions(multiBuffer: true))
          }
          for number in 0..<20 {
            try sender.send(makeFrame(number, byteCount: number % 2 == 0 ? 60 : 9_014))
          }
          if round % 3 == 0 {
            loop.count(port, quiet: .milliseconds(2))
          } else if round % 3 == 1, loop.poll(port, budget: 16) > 0 {
            loop.moveToBulk()
            #expect(port.transmit(&loop.bulk) == 16)
          }
          expectAllHome(port)
          #expect(loop.tally[.invalidDescriptors] == 0)
          #expect(port.status.kernelDropped == (round % 3 == 0 ? 0 : round % 3 == 1 ? 4 : 20))
        }
        #expect(Holdings(arena) == before)
        #expect(try pair.b.run { try pair.right.state().xdpProgramID } == 0)
      }
    }
  }

  @Test func aPortThatIsDroppedClosesItself() throws {
    try withNetworkNamespaces { pair in
      let arena = try Arena()
      let registry = MemoryRegistry(arena: arena)
      let before = arena.freeByteCounts
      do {
        _ = try pair.b.run {
          try AFXDPPort(name: "in", device: "right", registry: registry, options: smallOptions())
        }
      }
      #expect(arena.freeByteCounts == before)
      #expect(try pair.b.run { try pair.right.state().xdpProgramID } == 0)
    }
  }

  @Test func withoutTheInterfaceTheErrorSaysSo() throws {
    let arena = try Arena()
    let before = arena.freeByteCounts
    let registry = MemoryRegistry(arena: arena)
    let error = #expect(throws: AFXDPError.self) {
      _ = try AFXDPPort(name: "in", device: "nowhere", registry: registry, options: smallOptions())
    }
    #expect(error?.errno == .noSuchDevice)
    #expect(error?.description.contains("there is no such interface") == true)
    #expect(arena.freeByteCounts == before)
  }

  @Test func aQueueThatTheInterfaceHasNotIsRefused() throws {
    try withNetworkNamespaces { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let error = #expect(throws: AFXDPError.self) {
        try pair.b.run {
          _ = try AFXDPPort(
            name: "in", device: "right", queueCount: 2, registry: registry,
            options: smallOptions())
        }
      }
      #expect(error == .noSuchQueue(interface: "right", queue: 1, count: 1))
    }
  }

  @Test func aSecondPortOnTheSameQueueIsToldWhoIsInTheWay() throws {
    try withNetworkNamespaces { pair in
      let arena = try Arena()
      let registry = MemoryRegistry(arena: arena)
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: smallOptions())
      }
      let before = arena.freeByteCounts
      let error = #expect(throws: AFXDPError.self) {
        try pair.b.run {
          _ = try AFXDPPort(
            name: "too", device: "right", registry: registry, options: smallOptions())
        }
      }
      #expect(error?.errno == .resourceBusy)
      #expect(error?.description.contains("ss --xdp") == true)
      #expect(arena.freeByteCounts == before)
      // The one that was first is none the worse for it.
      try PacketSocket(on: pair.left, in: pair.a).send(makeFrame(1, byteCount: 60))
      let loop = Loop()
      try #require(loop.wait(for: port))
      loop.drop()
      expectAllHome(port)
    }
  }

  @Test func zeroCopyIsRefusedWhereTheDriverCannot() throws {
    try withNetworkNamespaces { pair in
      let registry = MemoryRegistry(arena: try Arena())
      var options = smallOptions()
      options.mode = .zeroCopy
      let error = #expect(throws: AFXDPError.self) {
        try pair.b.run {
          _ = try AFXDPPort(name: "in", device: "right", registry: registry, options: options)
        }
      }
      #expect(error?.errno == .notSupported)
      #expect(error?.description.contains("ask for copy mode") == true)
    }
  }

  @Test func withoutNativeXDPTheProgramRunsGenerically() throws {
    let namespace = try NetworkNamespace.anonymous()
    let registry = MemoryRegistry(arena: try Arena())
    // The loopback interface has no native XDP.
    let port = try namespace.run {
      try AFXDPPort(
        name: "lo", device: "lo", registry: registry,
        options: smallOptions(multiBuffer: true))
    }
    #expect(port.modeDescription == "generic, copy")
    #expect(port.status.state == .up)
    expectAllHome(port)
    var options = smallOptions(multiBuffer: true)
    options.attachment = .native
    let error = #expect(throws: AFXDPError.self) {
      try namespace.run {
        _ = try AFXDPPort(name: "lo", device: "lo", registry: registry, options: options)
      }
    }
    #expect(error?.description.contains("ask for generic attachment") == true)
  }

  @Test(arguments: AFXDPOptions.Fallback.allCases)
  func aQueueWithoutASocketFallsBack(to fallback: AFXDPOptions.Fallback) throws {
    try withNetworkNamespaces(queueCount: 2) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      var options = smallOptions()
      options.fallback = fallback
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: options)
      }
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      let stack = try PacketSocket(on: pair.right, in: pair.b)
      for flow in 0..<100 { try sender.send(try makeUDPFrame(flow: UInt16(flow), byteCount: 64)) }
      let received = Loop().count(port)
      var passed = 0
      while try stack.receive(timeout: .milliseconds(50)) != nil { passed += 1 }
      #expect(received > 0 && received < 100)
      #expect(passed == (fallback == .pass ? 100 - received : 0))
      expectAllHome(port)
    }
  }

  /// In a process of its own, which gives its rights away.
  @Test func withoutRightsTheErrorNamesTheCapability() async throws {
    await #expect(processExitsWith: .success) {
      try withNetworkNamespaces { pair in
        try pair.b.enter()
        let registry = MemoryRegistry(arena: try Arena())
        try #require(setresuid(65_534, 65_534, 65_534) == 0)
        let error = #expect(throws: AFXDPError.self) {
          _ = try AFXDPPort(
            name: "in", device: "right", registry: registry, options: smallOptions())
        }
        #expect(error?.errno == .notPermitted)
        #expect(error?.description.contains("CAP_BPF") == true)
        // The namespaces go with the process, which may not enter them any more.
        exit(0)
      }
    }
  }
}
