// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct TextFileTests {
  @Test func aFileOfTheKernelLosesTheNewlineAtItsEnd() throws {
    let release = try #require(TextFile.contents("/proc/sys/kernel/osrelease"))
    #expect(release == KernelVersion.runningRelease)
  }

  @Test func aFileLongerThanOneReadIsWhole() throws {
    let maps = try #require(TextFile.contents("/proc/self/maps"))
    #expect(maps.utf8.count > 4096)
    #expect(maps.contains("[stack]"))
  }

  @Test func whatCannotBeReadIsNil() {
    #expect(TextFile.contents("/no/such/file") == nil)
    #expect(TextFile.contents("/") == nil)
  }

  @Test func whatCannotBeWrittenSaysWhy() {
    let error = #expect(throws: SystemCallError.self) {
      try TextFile.write("x", to: "/proc/self/no-such-file")
    }
    #expect(error?.call == "open" && error?.errno == .noSuchFileOrDirectory)
    let refused = #expect(throws: SystemCallError.self) {
      try TextFile.write("not a number", to: "/proc/self/oom_score_adj")
    }
    #expect(refused?.call == "write" && refused?.errno == .invalidArgument)
  }
}
