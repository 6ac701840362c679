// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A conversation with the kernel's network configuration (`NETLINK_ROUTE`), one request at a time.
///
/// It speaks for the network namespace that its creator was in. One thread at a time.
struct NetlinkSocket: ~Copyable {
  let socket: Socket
  private var sequence: UInt32 = 0
  private var buffer: [UInt8]

  /// The kernel never sends more in one piece: `NLMSG_GOODSIZE` is less, and dumps are cut to the buffer.
  static let bufferByteCount = 32_768

  /// Opens a conversation; `groups` has one bit (`RTMGRP_`) for each multicast group to listen to.
  init(groups: UInt32 = 0, nonblocking: Bool = false) throws(SystemCallError) {
    let socket = try Socket(
      .netlink, .raw, transport: NETLINK_ROUTE, nonblocking: nonblocking)
    // Without these an error carries a number and the whole request, with them a sentence and its header.
    try socket.setOption("NETLINK_EXT_ACK", level: SOL_NETLINK, NETLINK_EXT_ACK, Int32(1))
    try socket.setOption("NETLINK_CAP_ACK", level: SOL_NETLINK, NETLINK_CAP_ACK, Int32(1))
    var address = sockaddr_nl()
    address.nl_family = UInt16(AF_NETLINK)
    address.nl_groups = groups
    try socket.bind(address, "NETLINK_ROUTE")
    self.socket = socket
    buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
  }

  /// Has the kernel do something and waits for its word that it did.
  mutating func perform(_ request: consuming NetlinkRequest) throws(SystemCallError) {
    _ = try exchange(request, flags: NLM_F_ACK) { _, _ in }
  }

  /// Asks the kernel for something.
  ///
  /// With the flags 0 there is one answer, with `NLM_F_DUMP` as many as there are. The closure gets what was received
  /// and where each answer lies in it.
  mutating func query(
    _ request: consuming NetlinkRequest, flags: Int32 = 0,
    answer: (borrowing RawSpan, NetlinkMessage) -> Void
  ) throws(SystemCallError) {
    // With an acknowledgement after a single answer, one loop serves both.
    try exchange(request, flags: flags == 0 ? NLM_F_ACK : flags, answer: answer)
  }

  /// Receives what there is.
  ///
  /// - Returns: Its octets; nil if nothing has come.
  mutating func receive() throws(SystemCallError) -> [UInt8]? {
    let (raw, capacity) = (socket.raw, buffer.count)
    // Safe: the array's storage lives for the duration of the call.
    let count = try kernelUnlessBlocked("recv NETLINK_ROUTE") {
      unsafe recv(raw, &buffer, capacity, 0)
    }
    return count.map { Array(buffer[..<$0]) }
  }

  private mutating func exchange(
    _ request: consuming NetlinkRequest, flags: Int32,
    answer: (borrowing RawSpan, NetlinkMessage) -> Void
  ) throws(SystemCallError) {
    sequence &+= 1
    let (call, subject) = (request.call, request.subject)
    let octets = request.finished(flags: flags, sequence: sequence)
    // Safe: the array's storage lives for the duration of the call.
    try kernel(call, subject) { unsafe send(socket.raw, octets, octets.count, 0) }
    while true {
      guard let received = try receive() else {
        throw SystemCallError(call, subject, errno: .wouldBlock)
      }
      switch NetlinkAnswer(received, to: sequence, answer: answer) {
      case .unfinished: continue
      case .finished: return
      case .refused(let errno, let reason):
        let subject = reason.isEmpty ? subject : "\(subject) (\(reason))"
        throw SystemCallError(call, subject, errno: errno)
      }
    }
  }
}

/// What one piece of an answer says about the request.
enum NetlinkAnswer: Equatable {
  /// More is to come.
  case unfinished
  /// The kernel has said everything, or has done what it was asked to.
  case finished
  /// The kernel said no; the reason is its own sentence, often empty.
  case refused(Errno, reason: String)

  /// Walks what was received, and hands over the messages that belong to the request.
  init(
    _ received: [UInt8], to sequence: UInt32, answer: (borrowing RawSpan, NetlinkMessage) -> Void
  ) {
    // Safe: any octets may be looked at as octets.
    let bytes = unsafe received.span.bytes
    var cursor = NetlinkCursor(0..<bytes.byteCount)
    while let message = cursor.nextMessage(in: bytes) {
      guard message.sequence == sequence else { continue }
      switch Int32(message.type) {
      case NLMSG_ERROR:
        self = NetlinkAnswer.verdict(of: message, in: bytes)
        return
      case NLMSG_DONE:
        // Links came or went between two pieces: what was handed over may be incomplete.
        let torn = message.flags & UInt16(NLM_F_DUMP_INTR) != 0
        self = torn ? .refused(.interrupted, reason: "the list changed meanwhile") : .finished
        return
      case NLMSG_NOOP, NLMSG_OVERRUN: continue
      default: answer(bytes, message)
      }
    }
    self = .unfinished
  }

  private static func verdict(
    of message: NetlinkMessage, in bytes: borrowing RawSpan
  ) -> NetlinkAnswer {
    let start = message.payload.lowerBound
    guard let code = bytes.load(Int32.self, at: start) else {
      return .refused(.badMessage, reason: "")
    }
    if code == 0 { return .finished }
    // The number, the header of the request, then attributes: one of them is a sentence.
    let attributes = start + 4 + NetlinkMessage.headerByteCount
    guard attributes < message.payload.upperBound else {
      return .refused(Errno(rawValue: code), reason: "")
    }
    var cursor = NetlinkCursor(attributes..<message.payload.upperBound)
    while let attribute = cursor.nextAttribute(in: bytes) {
      if attribute.kind == Int(NLMSGERR_ATTR_MSG.rawValue) {
        return .refused(Errno(rawValue: code), reason: bytes.text(attribute.payload))
      }
    }
    return .refused(Errno(rawValue: code), reason: "")
  }
}
