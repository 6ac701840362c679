// SPDX-License-Identifier: Apache-2.0

extension IPv6 {
  /// Where a chain of extension headers ends.
  @frozen public struct Chain: Hashable, Sendable {
    /// Why the walk ended.
    @frozen public enum End: UInt8, Sendable {
      /// At a header that is no extension: TCP, UDP, anything else.
      case upperLayer
      /// In a fragment that is not the first: what follows is payload.
      case laterFragment
      /// Where the octets end.
      case truncated
      /// After more extension headers than anybody has a use for.
      case tooMany
    }

    /// The kind of header that the walk ended at.
    public var nextHeader: IPProtocol
    /// Where that header begins; never past the octets.
    public var offset: Int
    /// Whether the packet is a part of a larger one; an atomic fragment (RFC 6946) is not.
    public var isFragment = false
    /// Whether a routing header names destinations after the one in the IPv6 header.
    public var hasSegmentsLeft = false
    /// Why the walk ended.
    public var end = End.upperLayer

    /// Walks a chain.
    ///
    /// - Parameters:
    ///   - octets: Where the frame or packet begins.
    ///   - byteCount: Its readable octets.
    ///   - offset: Where the first extension header begins; at most `byteCount`.
    ///   - nextHeader: The kind of that header.
    ///
    /// Source: `ipv6_skip_exthdr()`, `net/ipv6/exthdrs_core.c`; it has no limit on their number.
    @inlinable @unsafe public init(
      _ octets: UnsafeRawPointer, byteCount: Int, from offset: Int, _ nextHeader: IPProtocol
    ) {
      self.nextHeader = nextHeader
      self.offset = offset
      var count = 0
      while self.nextHeader.isExtension {
        guard count < IPv6.maximumExtensions else {
          end = .tooMany
          return
        }
        count &+= 1
        guard unsafe step(octets, byteCount) else { return }
      }
    }

    /// Steps over one header; false ends the walk.
    @inlinable mutating func step(_ octets: UnsafeRawPointer, _ byteCount: Int) -> Bool {
      let header = unsafe Extension(
        nextHeader, parsing: octets + offset, byteCount: byteCount &- offset)
      guard let header else {
        end = .truncated
        return false
      }
      if nextHeader == .routing, unsafe (octets.field(offset &+ 3) as UInt8) != 0 {
        hasSegmentsLeft = true
      }
      if nextHeader == .fragment {
        let fragment: UInt16 = unsafe octets.field(offset &+ 2)
        if fragment & 0xfff9 != 0 { isFragment = true }
        if fragment & 0xfff8 != 0 { end = .laterFragment }
      }
      nextHeader = header.nextHeader
      offset &+= header.byteCount
      return end == .upperLayer
    }
  }
}
