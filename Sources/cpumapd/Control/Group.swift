// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A group of this machine's users.
enum Group {
  /// Its number; nil where there is none of that name.
  static func number(of name: String) -> UInt32? {
    var entry = unsafe group()
    var found: UnsafeMutablePointer<group>?
    var memory = [CChar](repeating: 0, count: 16_384)
    // Safe: all of it lives for the duration of the call.
    let code = unsafe getgrnam_r(name, &entry, &memory, memory.count, &found)
    guard code == 0, unsafe found != nil else { return nil }
    return unsafe entry.gr_gid
  }
}
