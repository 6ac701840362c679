// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct ErrnoTests {
  @Test func aNumberIsTakenWithEitherSign() {
    #expect(Errno(rawValue: EINVAL) == .invalidArgument)
    #expect(Errno(rawValue: -EINVAL) == .invalidArgument)
    #expect(Errno(rawValue: .min).rawValue == .min)
  }

  @Test(arguments: [
    (Errno.notPermitted, "EPERM"), (.wouldBlock, "EAGAIN"), (.noBufferSpace, "ENOBUFS"),
    (.notSupported, "EOPNOTSUPP"), (.messageTooLong, "EMSGSIZE"), (.canceled, "ECANCELED"),
    (.timerExpired, "ETIME"), (.noFunction, "ENOSYS"), (.noSuchDevice, "ENODEV"),
  ])
  func fullWordsStandForTheNamesInC(errno: Errno, name: String) {
    #expect(errno.name == name)
  }

  @Test func theDescriptionHasTheNameAndItsMeaning() {
    #expect(Errno.invalidArgument.description == "EINVAL (Invalid argument)")
    #expect(Errno(rawValue: 4711).description == "errno 4711")
  }

  @Test func anErrorNamesTheCallAndItsSubject() {
    let error = #expect(throws: SystemCallError.self) {
      _ = try FileDescriptor(opening: "/no/such/file")
    }
    #expect(error?.description == "open /no/such/file: ENOENT (No such file or directory)")
    let bare = SystemCallError("mlock", errno: .noMemory)
    #expect(bare.description == "mlock: ENOMEM (Cannot allocate memory)")
  }
}
