// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Syscalls

/// A pcapng file that is being written, block by block, through a buffer.
///
/// A write that fails leaves everything as it was: it can be tried again, and goes on where it stopped, so what is
/// taken is written in the end, or cut off at the border of a block. One thread at a time.
@safe
public struct CaptureOutput: ~Copyable {
  /// Where the file is.
  public let path: String
  private let descriptor: FileDescriptor
  // Safe: `capacity` octets of this value: `count` octets of whole blocks, of which the file has `written`.
  private let memory: UnsafeMutableRawPointer
  private var count = 0
  private var written = 0
  /// The octets of the file in front of the buffer.
  private var fileByteCount = 0

  /// The most octets that wait to be written.
  public static let capacity = 1 << 20

  /// Makes a file, readable to its owner alone, or empties the one that is there.
  ///
  /// - Throws: What the kernel answers, as `Errno.noEntry` for a folder that does not exist.
  public init(path: String) throws(SystemCallError) {
    descriptor = try FileDescriptor(
      opening: path, O_WRONLY | O_CREAT | O_TRUNC, permissions: 0o600)
    self.path = path
    unsafe memory = .allocate(byteCount: CaptureOutput.capacity, alignment: 16)
  }

  deinit {
    unsafe memory.deallocate()
  }

  /// How many octets still fit into the buffer.
  public var room: Int { CaptureOutput.capacity - count }

  /// Whether everything is in the file.
  public var isFlushed: Bool { written == count }

  /// Adds one block, or several.
  ///
  /// - Parameters:
  ///   - byteCount: Its octets, at most ``room``.
  ///   - fill: Writes them.
  public mutating func append(
    byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    precondition(byteCount >= 0 && byteCount <= room, "A block fits into the buffer.")
    unsafe fill(UnsafeMutableRawBufferPointer(start: memory + count, count: byteCount))
    count += byteCount
  }

  /// Adds one block, or several, that lie elsewhere.
  public mutating func append(_ blocks: UnsafeRawBufferPointer) {
    unsafe append(byteCount: blocks.count) { unsafe $0.copyMemory(from: blocks) }
  }

  /// Writes what waits.
  ///
  /// - Throws: What the kernel answers, as `Errno.noSpace`; then it can be called again.
  public mutating func flush() throws(SystemCallError) {
    while written < count {
      let rest = unsafe UnsafeRawBufferPointer(start: memory + written, count: count - written)
      do throws(SystemCallError) {
        guard let done = try unsafe descriptor.write(rest), done > 0 else { return }
        written += done
      } catch {
        throw SystemCallError("write", path, errno: error.errno)
      }
    }
    fileByteCount += count
    (count, written) = (0, 0)
  }

  /// Gives up what could not be written, and cuts the file behind its last whole block.
  ///
  /// - Returns: How many packets were given up.
  public mutating func discard() -> Int {
    var place = 0
    var whole = 0
    var packets = 0
    while count - place >= 8 {
      let type = unsafe (memory + place).loadUnaligned(as: UInt32.self)
      place += Int(unsafe (memory + place + 4).loadUnaligned(as: UInt32.self))
      if place <= written { whole = place } else if type == 6 { packets += 1 }
    }
    fileByteCount += whole
    (count, written) = (0, 0)
    _ = ftruncate(descriptor.raw, fileByteCount)
    return packets
  }
}
