// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

extension FrameBulk {
  /// Moves the frames that may never be sent behind the others, each with its reason, keeping the order of both.
  ///
  /// - Parameter refusal: Why a frame may not be sent; nil if it may.
  /// - Returns: How many may be sent.
  @inline(__always)
  mutating func moveBack(where refusal: (Descriptor) -> DropReason?) -> Int {
    var sendable = 0
    while sendable < count, refusal(unsafe descriptors[sendable]) == nil { sendable += 1 }
    guard sendable < count else { return sendable }
    let total = count
    unsafe withUnsafeTemporaryAllocation(of: Descriptor.self, capacity: FrameBulk.capacity) {
      guard let unsendable = $0.baseAddress else { return }
      var moved = 0
      for position in sendable..<total {
        let descriptor = unsafe descriptors[position]
        if let reason = refusal(descriptor) {
          descriptor.reason = reason.rawValue
          unsafe (unsendable + moved).initialize(to: descriptor)
          moved += 1
        } else {
          unsafe descriptors[sendable] = descriptor
          sendable += 1
        }
      }
      unsafe (descriptors + sendable).update(from: unsendable, count: moved)
    }
    return sendable
  }

  /// Gives the frames from a position on the same reason for not having been sent.
  func refuse(from position: Int, _ reason: DropReason) {
    for position in position..<count { unsafe descriptors[position].reason = reason.rawValue }
  }
}
