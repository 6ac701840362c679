// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A message to the kernel, built front to back.
///
///     ┌────────────┬───────────────────┬───────────┬───────────┬─
///     │ nlmsghdr   │ family's header   │ attribute │ attribute │ …      each padded to 4 octets
///     │ 16 octets  │ ifinfomsg, …      │ len kind  │           │
///     └────────────┴───────────────────┴───────────┴───────────┴─
struct NetlinkRequest {
  /// The message so far; `finished(flags:sequence:)` completes its header.
  private(set) var bytes: [UInt8] = []

  /// What an error names.
  let call: String
  let subject: String
  private let flags: UInt16

  /// Begins a message with its family's header; the flag `NLM_F_REQUEST` is always set.
  init<Header: BitwiseCopyable>(
    _ call: String, _ subject: String = "", type: Int, flags: Int32 = 0, _ header: Header
  ) {
    self.call = call
    self.subject = subject
    self.flags = UInt16(NLM_F_REQUEST | flags)
    let message = nlmsghdr(
      nlmsg_len: 0, nlmsg_type: UInt16(type), nlmsg_flags: 0, nlmsg_seq: 0, nlmsg_pid: 0)
    append(message)
    append(header)
  }

  /// Adds a value's octets as they lie in memory.
  mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    // Safe: the octets are copied while the value is alive.
    unsafe withUnsafeBytes(of: value) { unsafe bytes.append(contentsOf: $0) }
    pad()
  }

  /// Adds an attribute that holds a number or a structure.
  mutating func attribute<Value: BitwiseCopyable>(_ kind: Int, _ value: Value) {
    // Safe: the octets are copied while the value is alive.
    attribute(kind, octets: unsafe withUnsafeBytes(of: value) { unsafe Array($0) })
  }

  /// Adds an attribute that holds octets.
  mutating func attribute(_ kind: Int, octets: [UInt8]) {
    nest(kind) { $0.bytes += octets }
  }

  /// Adds an attribute that holds a string with the zero at its end.
  mutating func attribute(_ kind: Int, text: String) {
    attribute(kind, octets: Array(text.utf8) + [0])
  }

  /// Adds an attribute that holds what the closure adds; its length does not count the last padding.
  mutating func nest(_ kind: Int, _ body: (inout NetlinkRequest) -> Void) {
    let start = bytes.count
    append(nlattr(nla_len: 0, nla_type: UInt16(kind)))
    body(&self)
    overwrite(UInt16(bytes.count - start), at: start)
    pad()
  }

  /// The message with its length, its number and its flags filled in, these beside those from the beginning.
  consuming func finished(flags: Int32, sequence: UInt32) -> [UInt8] {
    overwrite(UInt32(bytes.count), at: 0)
    overwrite(self.flags | UInt16(flags), at: 6)
    overwrite(sequence, at: 8)
    return bytes
  }

  private mutating func overwrite<Value: BitwiseCopyable>(_ value: Value, at position: Int) {
    // Safe: the octets are copied while the value is alive. Netlink speaks the machine's own byte order.
    unsafe withUnsafeBytes(of: value) {
      unsafe bytes.replaceSubrange(position..<position + $0.count, with: $0)
    }
  }

  private mutating func pad() {
    while bytes.count % 4 != 0 { bytes.append(0) }
  }
}
