// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct FileDescriptorTests {
  @Test func theEndOfTheValueClosesTheFile() throws {
    // What closes is seen at the other end: a number may be somebody else's file at once.
    let pipe = try Pipe(nonblocking: true)
    let copy = try pipe.writer.duplicate()
    try copy.write([1])
    let reader = pipe.reader
    end(pipe.writer)
    let octets = [try reader.read(), try reader.read()]
    #expect(octets == [[1], nil])
    end(copy)
    let last = try reader.read()
    #expect(last == [])
  }

  @Test func aNumberGivenAwayStaysOpen() throws {
    let raw = try FileDescriptor(opening: "/dev/null").take()
    #expect(clinux_fcntl(raw, F_GETFD, 0) >= 0)
    _ = FileDescriptor(owning: raw)
  }

  @Test func filesAreClosedOnExec() throws {
    let file = try FileDescriptor(opening: "/dev/null")
    let copy = try file.duplicate()
    for raw in [file.raw, copy.raw] {
      #expect(clinux_fcntl(raw, F_GETFD, 0) & FD_CLOEXEC != 0)
    }
    #expect(copy.raw != file.raw)
  }

  @Test func anEmptyPipeAnswersNilAndAClosedOneNothing() throws {
    let pipe = try Pipe(nonblocking: true)
    let nothing = try pipe.reader.read()
    #expect(nothing == nil)
    try pipe.writer.write([1, 2, 3])
    let some = try pipe.reader.read()
    #expect(some == [1, 2, 3])
  }

  @Test func aFullPipeAnswersNil() throws {
    let pipe = try Pipe(nonblocking: true)
    let chunk = [UInt8](repeating: 7, count: 65_536)
    var written = 0
    while let count = try pipe.writer.write(chunk) { written += count }
    #expect(written > 0)
  }

  @Test func aClosedReaderIsAnErrorThatNamesTheCall() async {
    // In a process of its own: what becomes of SIGPIPE is decided for all threads.
    await #expect(processExitsWith: .success) {
      clinux_signal_ignore(SIGPIPE)
      let pipe = try Pipe()
      let writer = pipe.writer
      end(pipe.reader)
      let error = #expect(throws: SystemCallError.self) { try writer.write([1]) }
      #expect(error == SystemCallError("write", errno: .brokenPipe))
    }
  }

  @Test func whetherReadsBlockCanBeChanged() throws {
    let pipe = try Pipe()
    try pipe.reader.setNonblocking(true)
    let nothing = try pipe.reader.read()
    #expect(nothing == nil)
    try pipe.reader.setNonblocking(false)
    #expect(clinux_fcntl(pipe.reader.raw, F_GETFL, 0) & O_NONBLOCK == 0)
  }

  @Test func anIoctlReadsItsStructure() throws {
    let pipe = try Pipe()
    try pipe.writer.write([1, 2, 3, 4, 5])
    var waiting: Int32 = 0
    try pipe.reader.control("FIONREAD", UInt(FIONREAD), &waiting)
    #expect(waiting == 5)
    let error = #expect(throws: SystemCallError.self) {
      let file = try FileDescriptor(opening: "/dev/null")
      try file.control("TUNSETIFF", UInt(CLINUX_TUNSETIFF), &waiting)
    }
    #expect(error == SystemCallError("ioctl TUNSETIFF", errno: .inappropriateControl))
  }

  @Test func aNegativeNumberIsAProgrammersError() async {
    await #expect(processExitsWith: .failure) { _ = FileDescriptor(owning: -1) }
  }
}
