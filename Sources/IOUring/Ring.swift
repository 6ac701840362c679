// SPDX-License-Identifier: Apache-2.0

public import CLibURing
import CLinux
public import Syscalls

/// A submission queue and a completion queue shared with the kernel.
///
/// One thread owns the ring: it alone submits and takes completions. Any thread may send it a message by its
/// `descriptor` (see `MessageRing`). With `singleIssuer` the owner is the thread that creates the ring, or, with
/// `startDisabled`, the one that calls `enable()`.
///
/// What an operation points to, its buffer or its structure, must stay where it is until its completion arrives.
@frozen
@safe
public struct Ring: ~Copyable, @unchecked Sendable {
  // Safe to send: a ring has one owner at a time, and moving it is how the owner changes. The structure itself lies
  // on the heap because liburing keeps pointers into it.

  /// liburing's structure, at the address that it keeps for life.
  @usableFromInline let base: UnsafeMutablePointer<io_uring>
  /// Where operations are prepared.
  public let submission: SubmissionQueue
  /// Where their results arrive.
  public let completion: CompletionQueue

  /// How a ring is to work.
  public struct SetupFlags: OptionSet, Hashable, Sendable {
    /// The bits of C's `IORING_SETUP_` constants.
    public let rawValue: UInt32
    /// Takes the bits of C's `IORING_SETUP_` constants.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `IORING_SETUP_SINGLE_ISSUER` (Linux 6.0): one thread submits, which saves the kernel its locks.
    public static let singleIssuer = SetupFlags(rawValue: 1 << 12)
    /// `IORING_SETUP_COOP_TASKRUN` (5.19): completions do not interrupt their owner, they wait until it next enters
    /// the kernel.
    public static let cooperativeTasks = SetupFlags(rawValue: 1 << 8)
    /// `IORING_SETUP_TASKRUN_FLAG` (5.19): says when such completions wait, see `CompletionQueue.collect()`.
    public static let taskFlag = SetupFlags(rawValue: 1 << 9)
    /// `IORING_SETUP_DEFER_TASKRUN` (6.1): completions wait until their owner asks for them.
    public static let deferredTasks = SetupFlags(rawValue: 1 << 13)
    /// `IORING_SETUP_R_DISABLED` (5.10): nothing may be submitted until `enable()`.
    public static let startDisabled = SetupFlags(rawValue: 1 << 6)

    /// What a loop that mostly polls wants.
    public static let standard: SetupFlags = [.singleIssuer, .cooperativeTasks, .taskFlag]
  }

  /// Creates a ring.
  ///
  /// A kernel that does not know the flags that only make a ring faster gets a ring without them.
  ///
  /// The corresponding C function is `io_uring_queue_init_params`.
  ///
  /// - Parameters:
  ///   - entries: The operations that can wait to be submitted; 1...32768, rounded up to a power of two.
  ///   - flags: How the ring is to work.
  ///   - completionEntries: The completions that can wait to be taken; nil for twice the entries.
  /// - Throws: `Errno.noFunction` or `.notPermitted` where io_uring is switched off (see `availability`),
  ///   `.invalidArgument` for a number that the kernel does not take, `.noMemory` over the limit on locked memory.
  public init(
    entries: UInt32, flags: SetupFlags = .standard, completionEntries: UInt32? = nil
  ) throws(SystemCallError) {
    let accelerations: SetupFlags = [.singleIssuer, .cooperativeTasks, .taskFlag]
    do throws(SystemCallError) {
      self = try Ring(entries, flags, completionEntries)
    } catch {
      let plain = flags.subtracting(accelerations)
      guard error.errno == .invalidArgument, plain != flags, !flags.contains(.deferredTasks) else {
        throw error
      }
      self = try Ring(entries, plain, completionEntries)
    }
  }

  private init(
    _ entries: UInt32, _ flags: SetupFlags, _ completionEntries: UInt32?
  ) throws(SystemCallError) {
    var parameters = io_uring_params()
    parameters.flags = flags.rawValue
    if let completionEntries {
      parameters.flags |= UInt32(IORING_SETUP_CQSIZE)
      parameters.cq_entries = completionEntries
    }
    // Safe: liburing fills the structure in and keeps it until deinit; nobody else frees it.
    let base = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    unsafe base.initialize(to: io_uring())
    let result = unsafe io_uring_queue_init_params(entries, base, &parameters)
    guard result == 0 else {
      unsafe base.deallocate()
      throw SystemCallError("io_uring_setup", errno: Errno(rawValue: result))
    }
    unsafe self.base = base
    unsafe submission = SubmissionQueue(base)
    unsafe completion = CompletionQueue(base)
  }

  deinit {
    unsafe io_uring_queue_exit(base)
    unsafe base.deallocate()
  }

  /// The number of the ring, by which others send it messages; valid for as long as this value lives.
  @inlinable
  public var descriptor: RawDescriptor { unsafe base.pointee.ring_fd }

  /// The flags with which the kernel made the ring.
  public var flags: SetupFlags { SetupFlags(rawValue: unsafe base.pointee.flags) }

  /// Lets a ring that started disabled work; with `singleIssuer` the calling thread becomes its owner.
  ///
  /// The corresponding C function is `io_uring_enable_rings`, which liburing 2.3 forgets to export.
  public func enable() throws(SystemCallError) {
    let operation = UInt32(IORING_REGISTER_ENABLE_RINGS)
    if clinux_io_uring_register(descriptor, operation, nil, 0) < 0 {
      throw SystemCallError("io_uring_register ENABLE_RINGS", errno: .current)
    }
  }
}

/// Makes a call of liburing, which returns the negative errno, and names it in the error.
@discardableResult
func uring(_ call: String, _ body: () -> Int32) throws(SystemCallError) -> Int32 {
  let result = body()
  if result < 0 { throw SystemCallError(call, errno: Errno(rawValue: result)) }
  return result
}
