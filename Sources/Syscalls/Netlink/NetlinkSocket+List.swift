// SPDX-License-Identifier: Apache-2.0

import CLinux

extension NetlinkSocket {
  /// Reads a whole list of the calling thread's namespace, again if it changed meanwhile.
  ///
  /// - Parameters:
  ///   - call: What an error names.
  ///   - type: Asks for the list.
  ///   - header: The family's header.
  ///   - element: Reads the payload of one answer; nil leaves it out.
  /// - Returns: What the answers say, in their order.
  /// - Throws: What the kernel said.
  static func list<Header: BitwiseCopyable, Element>(
    _ call: String, _ type: Int, _ header: Header,
    _ element: (Range<Int>, borrowing RawSpan) -> Element?
  ) throws(SystemCallError) -> [Element] {
    while true {
      do {
        var elements: [Element] = []
        var netlink = try NetlinkSocket()
        let request = NetlinkRequest(call, type: type, header)
        try netlink.query(request, flags: Int32(NLM_F_DUMP)) { bytes, message in
          if let next = element(message.payload, bytes) { elements.append(next) }
        }
        return elements
      } catch {
        if error.errno != .interrupted { throw error }
      }
    }
  }
}
