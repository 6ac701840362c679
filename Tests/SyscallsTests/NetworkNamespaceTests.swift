// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import TestSupport
import Testing

@Suite(.requiresNetworkNamespaces)
struct NetworkNamespaceTests {
  @Test func aFreshNamespaceHasItsLoopbackAndNothingElse() throws {
    let namespace = try NetworkNamespace.anonymous()
    let states = try namespace.run { try Interface.all() }
    #expect(states.map(\.name) == ["lo"])
    #expect(states[0].isUp)
    #expect(states[0].flags.contains(.loopback))
  }

  @Test func runReturnsToWhereTheThreadWas() throws {
    let home = try namespaceIdentity()
    let namespace = try NetworkNamespace.anonymous()
    let inside = try namespace.run { try namespaceIdentity() }
    #expect(inside != home)
    #expect(try namespaceIdentity() == home)
    struct Stop: Error {}
    #expect(throws: Stop.self) { try namespace.run { throw Stop() } }
    #expect(try namespaceIdentity() == home)
  }

  @Test func aThreadStartedInsideStaysInside() throws {
    let namespace = try NetworkNamespace.anonymous()
    let expected = try namespace.run { try namespaceIdentity() }
    let found = Box("")
    try namespace.run {
      let thread = try Thread(name: "inside") {
        found.value = (try? namespaceIdentity()) ?? "unreadable"
      }
      thread.join()
    }
    #expect(found.value == expected)
  }

  @Test func aNameCanBeTakenAndGivenBack() throws {
    let name = "xdpframe-test-\(getpid())"
    let created = try NetworkNamespace.create(named: name)
    defer { try? NetworkNamespace.delete(named: name) }
    #expect(NetworkNamespace.exists(named: name))
    let opened = try NetworkNamespace(named: name)
    let first = try created.run { try namespaceIdentity() }
    let second = try opened.run { try namespaceIdentity() }
    #expect(first == second)
    #expect(throws: SystemCallError.self) { try NetworkNamespace.create(named: name) }
    try NetworkNamespace.delete(named: name)
    #expect(!NetworkNamespace.exists(named: name))
  }

  @Test func aNameThatIsTakenSaysSo() throws {
    let name = "xdpframe-taken-\(getpid())"
    _ = try NetworkNamespace.create(named: name)
    defer { try? NetworkNamespace.delete(named: name) }
    let error = #expect(throws: SystemCallError.self) { try NetworkNamespace.create(named: name) }
    #expect(error?.errno == .fileExists)
    #expect(error?.subject == "/run/netns/\(name)")
  }

  @Test func anUnknownNameSaysSo() {
    let error = #expect(throws: SystemCallError.self) { try NetworkNamespace(named: "no-such") }
    #expect(error?.errno == .noSuchFileOrDirectory)
  }
}

/// What the kernel calls the namespace of the calling thread, as `net:[4026531840]`.
private func namespaceIdentity() throws -> String {
  var octets = [CChar](repeating: 0, count: 64)
  let count = unsafe readlink("/proc/thread-self/ns/net", &octets, octets.count - 1)
  try #require(count > 0)
  return String(decoding: octets[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A value that one thread writes and another reads after joining the first.
private final class Box<Value>: @unchecked Sendable {
  // Safe: pthread_join orders the write before the read.
  var value: Value
  init(_ value: Value) { self.value = value }
}
