// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A running thread of the system, joined at the latest when this value dies.
///
/// Whoever holds the value keeps what the thread uses alive, so the thread never outlives it: `deinit` waits.
public struct Thread: ~Copyable, @unchecked Sendable {
  // Safe to send: the handle is only read, and only once, by join or deinit.
  private let handle: pthread_t

  /// Starts a thread.
  ///
  /// The corresponding C function is `pthread_create`.
  ///
  /// - Parameters:
  ///   - name: What `top -H` shows; the kernel keeps its first 15 octets.
  ///   - processors: Where it may run; nil for wherever its creator may.
  ///   - body: What it does.
  /// - Throws: `Errno.invalidArgument` if it may run on none of the processors, `.wouldBlock` where the system has
  ///   no room for another thread.
  public init(
    name: String, on processors: CPUSet? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(SystemCallError) {
    // Safe: the box is retained here and released by the thread itself, or below if there is none.
    let box = unsafe Unmanaged.passRetained(
      ThreadBody {
        Thread.nameCurrent(name)
        body()
      })
    var handle = pthread_t()
    let result = unsafe Thread.withAttributes(processors) { attributes in
      unsafe pthread_create(&handle, attributes, threadEntry, box.toOpaque())
    }
    guard result == 0 else {
      unsafe box.release()
      throw SystemCallError("pthread_create", name, errno: Errno(rawValue: result))
    }
    self.handle = handle
  }

  deinit { _ = pthread_join(handle, nil) }

  /// Waits until the thread has ended.
  public consuming func join() {}

  /// Hands over attributes that pin the thread before it runs its first instruction, so that a refusal is the
  /// creator's to see.
  private static func withAttributes(
    _ processors: CPUSet?, _ body: (UnsafePointer<pthread_attr_t>) -> Int32
  ) -> Int32 {
    var attributes = pthread_attr_t()
    // Safe: the attributes are initialised, used and destroyed here, and the set is copied into them.
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    if let processors {
      let result = unsafe processors.withMask {
        unsafe pthread_attr_setaffinity_np(&attributes, $1, $0)
      }
      if result != 0 { return result }
    }
    return unsafe body(&attributes)
  }
}

/// Carries a closure into a thread.
private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Where a new thread begins.
private func threadEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  // Safe: the argument is the box that the creator retained for this thread.
  if let argument = unsafe argument {
    unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
  }
  return nil
}

extension Thread {
  /// Names the calling thread; the kernel keeps the first 15 octets.
  public static func nameCurrent(_ name: String) {
    let longest = 15
    let kept = String(decoding: name.utf8.prefix(longest), as: UTF8.self)
    // Safe: the string outlives the call. A name cut inside a character is too long once repaired: it is left.
    unsafe _ = pthread_setname_np(pthread_self(), kept)
  }

  /// Binds the calling thread, and the threads that it will create, to a set of processors.
  ///
  /// The corresponding C function is `sched_setaffinity`.
  ///
  /// - Throws: `Errno.invalidArgument` if the thread may use none of them.
  public static func pinCurrent(to processors: CPUSet) throws(SystemCallError) {
    try kernel("sched_setaffinity", processors.description) {
      unsafe processors.withMask { unsafe sched_setaffinity(0, $1, $0) }
    }
  }

  /// The number by which the kernel knows the calling thread.
  public static var currentID: Int32 { gettid() }

  /// Lets the calling thread sleep.
  ///
  /// - Parameter duration: The least to sleep; signals do not cut it short.
  public static func sleep(for duration: Duration) {
    var wanted = duration.timeSpecification
    var remaining = timespec()
    // Safe: the structures are local and outlive the call.
    while unsafe nanosleep(&wanted, &remaining) != 0, Errno.current == .interrupted {
      wanted = remaining
    }
  }

  /// Lets another thread run on this processor.
  public static func yield() { _ = sched_yield() }
}
