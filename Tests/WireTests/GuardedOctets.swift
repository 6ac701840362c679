// SPDX-License-Identifier: Apache-2.0

import CLinux
import Wire

/// Memory between two pages that nobody may touch: reading one octet too many ends the test.
// Safe: the mapping is as long as the type says, and nothing outlives `reading`.
@safe final class GuardedOctets {
  static let capacity = 4096 * 4
  private let mapping: UnsafeMutableRawPointer

  init() {
    let byteCount = GuardedOctets.capacity + 2 * 4096
    let mapping = unsafe mmap(
      nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapping = unsafe mapping, Int(bitPattern: mapping) != -1 else {
      preconditionFailure("The kernel gave no memory.")
    }
    unsafe self.mapping = mapping
    let result = unsafe mprotect(mapping + 4096, GuardedOctets.capacity, PROT_READ | PROT_WRITE)
    precondition(result == 0, "The kernel gave no access to memory.")
  }

  deinit { unsafe munmap(mapping, GuardedOctets.capacity + 2 * 4096) }

  /// Shows a copy of the octets that ends where the memory does, then one that begins where it does.
  func reading(_ octets: [UInt8], _ body: (RawSpan) -> Void) {
    let count = octets.count
    precondition(count <= GuardedOctets.capacity, "The octets fit the memory.")
    for offset in [GuardedOctets.capacity - count, 0] {
      let start = unsafe mapping + 4096 + offset
      let buffer = unsafe UnsafeMutableRawBufferPointer(start: start, count: count)
      unsafe octets.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
      body(unsafe UnsafeRawBufferPointer(buffer).bytes)
    }
  }
}
