// SPDX-License-Identifier: Apache-2.0

import CLinux
import Testing

@testable import Syscalls

struct CapabilitiesTests {
  @Test func theStatusFileIsRead() throws {
    let status = "Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t000000c000003000\nNoNewPrivs:\t0"
    let capabilities = try #require(Capabilities(status: status))
    #expect(capabilities == [.networkAdministration, .networkRaw, .bpf, .performanceMonitoring])
    #expect(
      capabilities.cNames == ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON", "CAP_BPF"])
    #expect(Capabilities(status: "") == nil)
    #expect(Capabilities(status: "CapEff:\tzz") == nil)
  }

  @Test func rootWithoutLimitsCanDoEverything() {
    // Either all of ours or fewer; what is in force must agree with what the kernel then allows.
    let mayOpen = (try? Socket(.packet, .raw).raw) != nil
    #expect(Capabilities.effective.contains(.networkRaw) == mayOpen)
  }
}

struct KernelVersionTests {
  @Test(arguments: [
    ("6.18.44-fc-v669", KernelVersion(6, 18)), ("5.4", KernelVersion(5, 4)),
    ("6.1-rc3", KernelVersion(6, 1)),
  ])
  func aReleaseIsRead(release: String, version: KernelVersion) {
    #expect(KernelVersion(release: release) == version)
  }

  @Test func whatIsNoReleaseIsNil() {
    #expect(KernelVersion(release: "") == nil)
    #expect(KernelVersion(release: "six.one") == nil)
  }

  @Test func versionsAreOrdered() {
    #expect(KernelVersion(5, 19) < KernelVersion(6, 0))
    #expect(KernelVersion(6, 9) < KernelVersion(6, 18))
    #expect(KernelVersion.running > KernelVersion(4, 0))
  }
}

struct ResourceLimitTests {
  @Test func aLimitIsReadAndRaised() throws {
    let before = try ResourceLimit.openFiles.read()
    let after = try ResourceLimit.openFiles.raise()
    let now = try ResourceLimit.openFiles.read()
    #expect(now.current == after)
    #expect((now.current ?? .max) >= (before.current ?? .max))
  }

  @Test func anUnknownLimitSaysSo() {
    let error = #expect(throws: SystemCallError.self) {
      try ResourceLimit(rawValue: 9999).read()
    }
    #expect(error == SystemCallError("getrlimit", errno: .invalidArgument))
  }
}
