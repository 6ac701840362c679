// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Who is at the other end of an interface.
public struct Neighbour: Hashable, Sendable {
  /// The interface.
  public var interfaceIndex: UInt32
  /// The address, 4 or 16 octets.
  public var address: [UInt8]
  /// Where frames for it go; nil while that is not known.
  public var hardwareAddress: HardwareAddress?
  /// Whether the kernel would send to it without asking first (`NUD_VALID`).
  public var isValid: Bool

  /// Describes a neighbour that is known.
  public init(_ address: [UInt8], at hardwareAddress: HardwareAddress, by interfaceIndex: UInt32) {
    self.address = address
    self.hardwareAddress = hardwareAddress
    self.interfaceIndex = interfaceIndex
    isValid = true
  }

  /// All neighbours of the calling thread's namespace.
  ///
  /// Source: `neigh_dump_info()`, net/core/neighbour.c.
  public static func all() throws(SystemCallError) -> [Neighbour] {
    try NetlinkSocket.list("RTM_GETNEIGH", RTM_GETNEIGH, ndmsg()) { Neighbour($0, in: $1) }
  }

  /// `NUD_PERMANENT`, `NUD_NOARP`, `NUD_REACHABLE`, `NUD_PROBE`, `NUD_STALE` and `NUD_DELAY`.
  private static let valid: UInt16 = 0x80 | 0x40 | 0x02 | 0x10 | 0x04 | 0x08

  init?(_ payload: Range<Int>, in bytes: borrowing RawSpan) {
    let start = payload.lowerBound
    let header = MemoryLayout<ndmsg>.size
    guard payload.count >= header, let index = bytes.load(UInt32.self, at: start + 4),
      let state = bytes.load(UInt16.self, at: start + 8)
    else { return nil }
    interfaceIndex = index
    isValid = state & Neighbour.valid != 0
    address = []
    var cursor = NetlinkCursor(start + header..<payload.upperBound)
    while let attribute = cursor.nextAttribute(in: bytes) {
      switch attribute.kind {
      case NDA_DST: address = bytes.octets(attribute.payload)
      case NDA_LLADDR:
        hardwareAddress = HardwareAddress(octets: bytes.octets(attribute.payload))
      default: break
      }
    }
    guard address.count == 4 || address.count == 16 else { return nil }
  }
}
