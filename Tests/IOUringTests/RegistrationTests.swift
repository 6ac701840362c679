// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Synchronization
import Syscalls
import Testing

struct RegistrationTests {
  @Test func aRegisteredBufferIsReadAndWritten() throws {
    let pipe = try Pipe()
    let ring = try Ring(entries: 8)
    let first = try Self.memory()
    let second = try Self.memory()
    try unsafe ring.registerBuffers([first.bytes, second.bytes])
    unsafe first.bytes[10..<13].copyBytes(from: [1, 2, 3])
    let source = unsafe UnsafeRawBufferPointer(rebasing: first.bytes[10..<13])
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: second.bytes[20..<30])
    _ = unsafe ring.submission.enqueue(
      WriteFixed(pipe.writer.raw, source, registeredAs: 0), token: 1, flags: .link)
    _ = unsafe ring.submission.enqueue(
      ReadFixed(pipe.reader.raw, into: target, registeredAs: 1), token: 2)
    try ring.wait(2)
    let results = [ring.completion.take()?.result, ring.completion.take()?.result]
    #expect(results == [3, 3])
    let copied = unsafe Array(target[0..<4])
    #expect(copied == [1, 2, 3, 0])
  }

  @Test func aBufferOutsideTheRegisteredOneIsRefused() throws {
    let pipe = try Pipe()
    let ring = try Ring(entries: 8)
    let first = try Self.memory()
    let second = try Self.memory()
    try unsafe ring.registerBuffers([first.bytes])
    let foreign = unsafe UnsafeRawBufferPointer(rebasing: second.bytes[0..<1])
    let own = unsafe UnsafeRawBufferPointer(rebasing: first.bytes[0..<1])
    _ = unsafe ring.submission.enqueue(
      WriteFixed(pipe.writer.raw, foreign, registeredAs: 0), token: 1)
    _ = unsafe ring.submission.enqueue(WriteFixed(pipe.writer.raw, own, registeredAs: 1), token: 2)
    try ring.wait(2)
    let errnos = [ring.completion.take()?.errno, ring.completion.take()?.errno]
    #expect(errnos == [.badAddress, .badAddress])
  }

  @Test func buffersCanBeRegisteredAgainAfterwardsOnly() throws {
    let ring = try Ring(entries: 8)
    let memory = try Self.memory()
    try unsafe ring.registerBuffers([memory.bytes])
    let twice = #expect(throws: SystemCallError.self) {
      try unsafe ring.registerBuffers([memory.bytes])
    }
    #expect(twice == SystemCallError("io_uring_register BUFFERS", errno: .resourceBusy))
    try ring.unregisterBuffers()
    try unsafe ring.registerBuffers([memory.bytes])
    try ring.unregisterBuffers()
    let none = #expect(throws: SystemCallError.self) { try ring.unregisterBuffers() }
    #expect(none?.errno == .noSuchAddressOrDevice)
  }

  @Test func aRegisteredFileOutlivesItsDescriptor() throws {
    let ring = try Ring(entries: 8)
    let pipe = try Pipe()
    try Self.register(try pipe.writer.duplicate(), with: ring)
    let memory = try Self.memory()
    let octet = unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[0..<1])
    _ = unsafe ring.submission.enqueue(Write(0, octet), token: 1, flags: .registeredFile)
    _ = unsafe ring.submission.enqueue(Write(7, octet), token: 2, flags: .registeredFile)
    try ring.wait(2)
    var results: [UInt64: Int32] = [:]
    ring.completion.drain { results[$0.token] = $0.result }
    #expect(results == [1: 1, 2: -EBADF])
    try ring.unregisterFiles()
  }

  @Test func aRingRegisteredWithItsOwnerWorksOn() throws {
    // The registration belongs to the thread, so to one that ends with the ring.
    let outcome = Mutex<Result<UInt64?, SystemCallError>?>(nil)
    let thread = try Thread(name: "owner") {
      do throws(SystemCallError) {
        let ring = try Ring(entries: 8)
        try ring.registerWithOwner()
        _ = ring.submission.enqueue(Nop(), token: 5)
        try ring.wait()
        let token = ring.completion.take()?.token
        outcome.withLock { $0 = .success(token) }
      } catch {
        outcome.withLock { $0 = .failure(error) }
      }
    }
    thread.join()
    #expect(outcome.withLock { $0 } == .success(5))
  }

  /// Closes the file once the ring has it.
  private static func register(
    _ file: consuming FileDescriptor, with ring: borrowing Ring
  ) throws {
    try ring.registerFiles([file.raw])
  }

  private static func memory() throws -> Mapping { try .anonymous(byteCount: 8192) }
}
