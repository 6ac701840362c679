// SPDX-License-Identifier: Apache-2.0

import Syscalls

// What the suites use to read and write plain arrays through descriptors and sockets.

/// Ends a value's life here, and with it whatever it owns.
func end<Value: ~Copyable>(_ value: consuming Value) {}

extension FileDescriptor {
  /// Writes the octets; nil if the write would block.
  @discardableResult
  func write(_ octets: [UInt8]) throws -> Int? {
    try unsafe octets.withUnsafeBytes { try unsafe write($0) }
  }

  /// Reads at most so many octets; nil if the read would block.
  func read(atMost limit: Int = 4096) throws -> [UInt8]? {
    var octets = [UInt8](repeating: 0, count: limit)
    let count = try unsafe octets.withUnsafeMutableBytes { try unsafe read(into: $0) }
    return count.map { Array(octets[..<$0]) }
  }
}

extension Socket {
  /// Sends the octets; nil if the send would block.
  @discardableResult
  func send(_ octets: [UInt8]) throws -> Int? {
    try unsafe octets.withUnsafeBytes { try unsafe send($0) }
  }

  /// Receives at most so many octets; nil if the receive would block.
  func receive(atMost limit: Int = 4096) throws -> [UInt8]? {
    var octets = [UInt8](repeating: 0, count: limit)
    let count = try unsafe octets.withUnsafeMutableBytes { try unsafe receive(into: $0) }
    return count.map { Array(octets[..<$0]) }
  }
}
