// SPDX-License-Identifier: Apache-2.0

/// Octets of a stream on their way to becoming lines.
struct LineBuffer {
  /// What a stream gives next.
  enum Next: Equatable {
    /// A line, without its newline.
    case line([UInt8])
    /// The line is not complete.
    case incomplete
    /// The line is over the limit, whatever follows.
    case tooLong
  }

  let limit: Int
  private var octets: [UInt8] = []
  /// The first octet that belongs to no line handed out.
  private var start = 0
  /// The first octet that was not yet looked at for a newline, so that none is looked at twice.
  private var searched = 0

  init(limit: Int) { self.limit = limit }

  /// The octets that wait; never much more than the limit if reading stops while a line is complete.
  var count: Int { octets.count - start }

  mutating func append(_ more: some Collection<UInt8>) {
    // What was handed out goes once it is the larger part, so that every octet is moved about once.
    if start > octets.count / 2 {
      octets.removeSubrange(..<start)
      searched -= start
      start = 0
    }
    octets.append(contentsOf: more)
  }

  mutating func next() -> Next {
    guard let end = octets[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = octets.count
      return count > limit ? .tooLong : .incomplete
    }
    guard end - start <= limit else { return .tooLong }
    defer {
      start = end + 1
      searched = start
    }
    return .line(Array(octets[start..<end]))
  }

  /// What stands after the last newline, once nothing will follow.
  mutating func takeRest() -> [UInt8] {
    defer {
      start = octets.count
      searched = start
    }
    return Array(octets[start...])
  }
}
