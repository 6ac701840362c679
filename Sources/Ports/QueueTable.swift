// SPDX-License-Identifier: Apache-2.0

/// The queues of a port, found without counting references: a queue's count would be a line that the thread which
/// receives and those which transmit take from each other at every burst.
@safe
struct QueueTable<Queue: AnyObject & Sendable>: ~Copyable, @unchecked Sendable {
  // Safe: written once; the queues are Sendable, and the array keeps the queues alive for as long as the value lives.
  private let references: UnsafeMutablePointer<Unmanaged<Queue>>
  /// The queues, for whoever is in no hurry.
  let queues: [Queue]

  init(_ queues: [Queue]) {
    self.queues = queues
    unsafe references = .allocate(capacity: queues.count)
    for (index, queue) in queues.enumerated() {
      unsafe (references + index).initialize(to: .passUnretained(queue))
    }
  }

  deinit {
    unsafe references.deallocate()
  }

  /// Does something with one queue.
  @inline(__always)
  func with<Result>(_ index: Int, _ body: (Queue) -> Result) -> Result {
    precondition(index >= 0 && index < queues.count, "The port has no such queue.")
    return unsafe references[index]._withUnsafeGuaranteedRef(body)
  }
}
