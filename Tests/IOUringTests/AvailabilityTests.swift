// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

@testable import IOUring

struct AvailabilityTests {
  @Test func theKernelOfTheTestsHasIt() {
    #expect(Ring.availability == .available)
  }

  @Test func whatIsMissingIsSaidWithWhatToChange() {
    #expect(Ring.reason(for: .noFunction, setting: nil).contains("without io_uring"))
    #expect(Ring.reason(for: .notPermitted, setting: 2).contains("kernel.io_uring_disabled=0"))
    #expect(Ring.reason(for: .notPermitted, setting: 1).contains("kernel.io_uring_group"))
    #expect(Ring.reason(for: .notPermitted, setting: 0).contains("sandbox"))
    #expect(Ring.reason(for: .noMemory, setting: 0).contains("RLIMIT_MEMLOCK"))
    #expect(Ring.reason(for: .tooManyOpenFiles, setting: 0).contains("EMFILE"))
  }

  @Test func aSandboxThatForbidsItIsRecognised() async {
    await #expect(processExitsWith: .success) {
      try denyRings(with: EPERM)
      #expect(Ring.availability.errno == .notPermitted)
      let error = #expect(throws: SystemCallError.self) { _ = try Ring(entries: 8) }
      #expect(error == SystemCallError("io_uring_setup", errno: .notPermitted))
    }
  }

  @Test func aSandboxThatHidesItIsRecognised() async {
    await #expect(processExitsWith: .success) {
      try denyRings(with: ENOSYS)
      #expect(Ring.availability.errno == .noFunction)
    }
  }
}

extension RingAvailability {
  fileprivate var errno: Errno? {
    if case .unavailable(let errno, _) = self { errno } else { nil }
  }
}

/// Has the kernel answer `io_uring_setup` with an error, for the rest of this process's life.
private func denyRings(with errno: Int32) throws {
  // Load the call's number; if it is the one, answer the error, else allow the call.
  var filter = [
    sock_filter(code: 0x20, jt: 0, jf: 0, k: 0),
    sock_filter(code: 0x15, jt: 0, jf: 1, k: UInt32(SYS_io_uring_setup)),
    sock_filter(code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | UInt32(errno)),
    sock_filter(code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000),
  ]
  try #require(clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) == 0)
  let count = UInt16(filter.count)
  let result = unsafe filter.withUnsafeMutableBufferPointer { filter in
    var program = unsafe sock_fprog(len: count, filter: filter.baseAddress)
    return unsafe withUnsafeMutablePointer(to: &program) {
      clinux_prctl(PR_SET_SECCOMP, UInt(SECCOMP_MODE_FILTER), UInt(bitPattern: $0))
    }
  }
  try #require(result == 0)
}
