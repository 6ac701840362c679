// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Syscalls
import Testing

struct ReadWriteTests {
  @Test func octetsGoThroughAPipe() throws {
    let pipe = try Pipe()
    let ring = try Ring(entries: 8)
    let memory = try Mapping.anonymous(byteCount: 8192)
    unsafe memory.bytes[0..<4].copyBytes(from: [1, 2, 3, 4])
    let source = unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[0..<4])
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[4096..<4196])
    // Read first: it waits in the kernel until the write has been made.
    _ = unsafe ring.submission.enqueue(Read(pipe.reader.raw, into: target), token: 1)
    _ = unsafe ring.submission.enqueue(Write(pipe.writer.raw, source), token: 2)
    try ring.wait(2)
    var results: [UInt64: Int32] = [:]
    ring.completion.drain { results[$0.token] = $0.result }
    #expect(results == [1: 4, 2: 4])
    let copied = unsafe Array(target[0..<4])
    #expect(copied == [1, 2, 3, 4])
  }

  @Test func aFileIsReadAndWrittenAtAnOffset() throws {
    let file = try MemoryFile(name: "offset", byteCount: 4096)
    let ring = try Ring(entries: 8)
    let memory = try Mapping.anonymous(byteCount: 4096)
    unsafe memory.bytes[0..<3].copyBytes(from: [7, 8, 9])
    let source = unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[0..<3])
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[100..<200])
    _ = unsafe ring.submission.enqueue(
      Write(file.descriptor.raw, source, at: 1000), token: 1, flags: .link)
    _ = unsafe ring.submission.enqueue(Read(file.descriptor.raw, into: target, at: 999), token: 2)
    try ring.wait(2)
    let results = [ring.completion.take()?.result, ring.completion.take()?.result]
    #expect(results == [3, 100])
    let copied = unsafe Array(target[0..<5])
    #expect(copied == [0, 7, 8, 9, 0])
  }

  @Test func aFailureTakesTheLinkedOneWithIt() throws {
    let pipe = try Pipe()
    let ring = try Ring(entries: 8)
    let memory = try Mapping.anonymous(byteCount: 4096)
    // The writing end cannot be read.
    _ = unsafe ring.submission.enqueue(
      Read(pipe.writer.raw, into: memory.bytes), token: 1, flags: .link)
    _ = ring.submission.enqueue(Nop(), token: 2)
    try ring.wait(2)
    let errnos = [ring.completion.take()?.errno, ring.completion.take()?.errno]
    #expect(errnos == [.badFileDescriptor, .canceled])
  }

  @Test func aSilentOperationIsHeardOfOnlyWhenItFails() throws {
    let pipe = try Pipe()
    let ring = try Ring(entries: 8)
    let memory = try Mapping.anonymous(byteCount: 4096)
    let octet = unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[0..<1])
    _ = unsafe ring.submission.enqueue(
      Write(pipe.writer.raw, octet), token: 1, flags: .silentSuccess)
    _ = unsafe ring.submission.enqueue(
      Write(pipe.reader.raw, octet), token: 2, flags: .silentSuccess)
    _ = ring.submission.enqueue(Nop(), token: 3)
    try ring.wait(2)
    var tokens: [UInt64] = []
    ring.completion.drain { tokens.append($0.token) }
    #expect(tokens.sorted() == [2, 3])
    #expect(try Poll.wait(pipe.reader.raw, for: .readable, timeout: .zero) == .readable)
  }
}
