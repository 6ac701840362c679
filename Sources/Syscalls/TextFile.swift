// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A small file of `/proc` or `/sys`, as text.
public enum TextFile {
  /// The whole file without the newline at its end; nil if it cannot be read.
  public static func contents(_ path: String) -> String? {
    guard let file = try? FileDescriptor(opening: path) else { return nil }
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe try? file.read(into: $0) }
      guard let count else { return nil }
      if count == 0 { break }
      octets += chunk[..<count]
    }
    if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
    return String(decoding: octets, as: UTF8.self)
  }

  /// Writes the text in one call, as the control files of the kernel want it.
  public static func write(_ text: String, to path: String) throws(SystemCallError) {
    let file = try FileDescriptor(opening: path, O_WRONLY)
    var text = text
    let raw = file.raw
    try kernel("write", path) {
      // Safe: the string's storage lives for the duration of the call.
      text.withUTF8 { unsafe CLinux.write(raw, $0.baseAddress, $0.count) }
    }
  }
}
