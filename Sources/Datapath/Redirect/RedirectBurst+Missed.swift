// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

extension RedirectBurst {
  /// Moves the frames for a key without an entry to the front, where they stay, in order.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - first: How many frames of other such keys stand there already.
  /// - Returns: How many do now.
  mutating func keepMissed(_ key: UInt32, behind first: Int) -> Int {
    let descriptors = unsafe descriptors
    let targets = unsafe targets
    var end = first
    for position in first..<count where unsafe targets[position].key == key {
      let descriptor = unsafe descriptors[position]
      let target = unsafe targets[position]
      var gap = position
      while gap > end {
        unsafe descriptors[gap] = descriptors[gap - 1]
        unsafe targets[gap] = targets[gap - 1]
        gap -= 1
      }
      unsafe descriptors[end] = descriptor
      unsafe targets[end] = target
      end += 1
    }
    return end
  }
}
