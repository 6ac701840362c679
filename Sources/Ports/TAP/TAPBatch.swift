// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import IOUring
internal import Syscalls

/// Reads or writes of whole packets, made together: one entry into the kernel for all of them where io_uring is to be
/// had, otherwise one for each.
///
/// One user at a time. The file does not block, so everything is over when a call returns, and the kernel keeps
/// nothing.
@safe
struct TAPBatch: ~Copyable {
  // Safe: allocations of this value: for each packet up to `pieceLimit` pieces, their number, and a result.
  private let pieces: UnsafeMutablePointer<iovec>
  private let counts: UnsafeMutablePointer<Int32>
  private let results: UnsafeMutablePointer<Int>
  private let pieceLimit: Int
  private var ring: Ring?
  /// Where registered memory begins and ends; the same where there is none.
  private var registered: Range<UInt> = 0..<0
  /// The most packets.
  let capacity: Int

  /// Makes an empty batch.
  ///
  /// - Parameters:
  ///   - capacity: The most packets, 1...64.
  ///   - pieceLimit: The most pieces of memory of one packet.
  ///   - usesRing: Whether io_uring may be used.
  ///   - memory: What most packets lie in; the kernel looks its pages up once.
  init(
    capacity: Int, pieceLimit: Int, usesRing: Bool, memory: UnsafeMutableRawBufferPointer?
  ) {
    self.capacity = capacity
    self.pieceLimit = pieceLimit
    unsafe pieces = .allocate(capacity: capacity * pieceLimit)
    unsafe pieces.initialize(repeating: iovec(), count: capacity * pieceLimit)
    unsafe counts = .allocate(capacity: capacity)
    unsafe counts.initialize(repeating: 0, count: capacity)
    unsafe results = .allocate(capacity: capacity)
    unsafe results.initialize(repeating: 0, count: capacity)
    ring = usesRing ? try? Ring(entries: UInt32(capacity), flags: []) : nil
    guard ring != nil, let memory = unsafe memory, memory.count <= 1 << 30 else { return }
    // Over the limit on locked memory it goes without.
    guard unsafe (try? ring?.registerBuffers([memory])) != nil else { return }
    let start = UInt(bitPattern: memory.baseAddress)
    registered = start..<start + UInt(memory.count)
  }

  deinit {
    unsafe pieces.deallocate()
    unsafe counts.deallocate()
    unsafe results.deallocate()
  }

  /// Whether io_uring is used.
  var hasRing: Bool { ring != nil }

  /// Forgets the pieces of a packet.
  @inline(__always)
  func removePieces(at packet: Int) {
    unsafe counts[packet] = 0
  }

  /// Adds a piece of memory to a packet.
  @inline(__always)
  func addPiece(_ memory: UnsafeMutableRawPointer, byteCount: Int, to packet: Int) {
    let position = unsafe Int(counts[packet])
    precondition(position < pieceLimit, "A packet has not so many pieces.")
    unsafe pieces[packet * pieceLimit + position] = unsafe iovec(
      iov_base: memory, iov_len: byteCount)
    unsafe counts[packet] = Int32(position + 1)
  }

  /// Exchanges one piece of a packet.
  @inline(__always)
  func setPiece(
    _ position: Int, of packet: Int, _ memory: UnsafeMutableRawPointer, byteCount: Int
  ) {
    unsafe pieces[packet * pieceLimit + position] = unsafe iovec(
      iov_base: memory, iov_len: byteCount)
    unsafe counts[packet] = max(counts[packet], Int32(position + 1))
  }

  /// What became of a packet: its octets, or the negative errno.
  @inline(__always)
  subscript(packet: Int) -> Int { unsafe results[packet] }

  /// Reads the first so many packets; those that were not there answer `EAGAIN`.
  mutating func read(_ count: Int, from file: RawDescriptor) {
    guard ring != nil else {
      for packet in 0..<count {
        let result = unsafe readv(file, pieces + packet * pieceLimit, counts[packet])
        note(result, of: packet)
        guard result > 0 else { return giveUp(packet + 1..<count) }
      }
      return
    }
    for packet in 0..<count { prepareRead(packet, file) }
    finish(count)
  }

  /// Writes the first so many packets.
  mutating func write(_ count: Int, to file: RawDescriptor) {
    guard ring != nil else {
      for packet in 0..<count {
        note(unsafe writev(file, pieces + packet * pieceLimit, counts[packet]), of: packet)
      }
      return
    }
    for packet in 0..<count { prepareWrite(packet, file) }
    finish(count)
  }

  // MARK: - Without a ring

  @inline(__always)
  private func note(_ result: Int, of packet: Int) {
    unsafe results[packet] = result < 0 ? -Int(Errno.current.rawValue) : result
  }

  private func giveUp(_ packets: Range<Int>) {
    for packet in packets { unsafe results[packet] = -Int(EAGAIN) }
  }

  // MARK: - With a ring

  private mutating func prepareRead(_ packet: Int, _ file: RawDescriptor) {
    let list = unsafe pieces + packet * pieceLimit
    let token = UInt64(packet)
    guard unsafe counts[packet] == 1 else {
      let operation = unsafe ReadVectored(file, into: list, count: Int(counts[packet]))
      _ = ring?.submission.enqueue(Immediate(operation), token: token)
      return
    }
    let memory = unsafe UnsafeMutableRawBufferPointer(
      start: list.pointee.iov_base, count: list.pointee.iov_len)
    if unsafe isRegistered(UnsafeRawBufferPointer(memory)) {
      let operation = unsafe ReadFixed(file, into: memory, registeredAs: 0)
      _ = ring?.submission.enqueue(Immediate(operation), token: token)
    } else {
      let operation = unsafe Read(file, into: memory)
      _ = ring?.submission.enqueue(Immediate(operation), token: token)
    }
  }

  private mutating func prepareWrite(_ packet: Int, _ file: RawDescriptor) {
    let list = unsafe pieces + packet * pieceLimit
    let token = UInt64(packet)
    guard unsafe counts[packet] == 1 else {
      let operation = unsafe WriteVectored(file, list, count: Int(counts[packet]))
      _ = ring?.submission.enqueue(Immediate(operation), token: token)
      return
    }
    let memory = unsafe UnsafeRawBufferPointer(
      start: list.pointee.iov_base, count: list.pointee.iov_len)
    if unsafe isRegistered(memory) {
      let operation = unsafe WriteFixed(file, memory, registeredAs: 0)
      _ = ring?.submission.enqueue(Immediate(operation), token: token)
    } else {
      let operation = unsafe Write(file, memory)
      _ = ring?.submission.enqueue(Immediate(operation), token: token)
    }
  }

  @inline(__always)
  private func isRegistered(_ memory: UnsafeRawBufferPointer) -> Bool {
    let start = UInt(bitPattern: memory.baseAddress)
    return start >= registered.lowerBound
      && start &+ UInt(memory.count) <= registered.upperBound
  }

  /// Hands everything to the kernel and takes every result; there is room in the ring for a whole batch.
  private mutating func finish(_ count: Int) {
    var left = count
    while left > 0 {
      // The kernel may be short of memory for a moment. What it has taken must end before the buffers are used again.
      _ = try? ring?.submitAndWait(UInt32(left))
      while let completion = ring?.completion.take() {
        unsafe results[Int(truncatingIfNeeded: completion.token)] = Int(completion.result)
        left -= 1
      }
    }
  }
}
