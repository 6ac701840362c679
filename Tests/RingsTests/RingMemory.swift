// SPDX-License-Identifier: Apache-2.0

/// Cache-line aligned memory that lives as long as a test uses it.
@safe
final class RingMemory: @unchecked Sendable {
  // Safe: @unchecked Sendable, because the address never changes and the rings order the contents.
  let address: UnsafeMutableRawPointer

  init(byteCount: Int) {
    unsafe address = .allocate(byteCount: byteCount, alignment: 64)
    // Rings promise to lay out memory that holds anything.
    unsafe address.initializeMemory(as: UInt8.self, repeating: 0xa5, count: byteCount)
  }

  deinit { unsafe address.deallocate() }
}
