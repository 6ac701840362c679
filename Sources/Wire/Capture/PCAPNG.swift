// SPDX-License-Identifier: Apache-2.0

/// Writes the blocks of a pcapng file, little-endian, times in nanoseconds.
///
/// A file is a section header, a description of each interface, and then packets and statistics in any order. Pure
/// functions: the same arguments give the same octets.
///
/// Source: draft-ietf-opsawg-pcapng.
public enum PCAPNG {
  /// The first block of a file.
  ///
  /// - Parameter application: What wrote it.
  /// - Returns: The block.
  public static func sectionHeader(application: String) -> [UInt8] {
    let options = OptionSize(of: application)
    return block(0x0A0D_0D0A, byteCount: 28 + options.byteCount) { writer in
      writer.append(UInt32(0x1A2B_3C4D))
      writer.append(UInt16(1))
      writer.append(UInt16(0))
      writer.append(Int64(-1))
      writer.appendOption(4, application)
      writer.appendEnd(options)
    }
  }

  /// The description of an interface; the first is number 0.
  ///
  /// - Parameters:
  ///   - name: Its name, as `eth0`.
  ///   - description: What it is.
  ///   - linkType: The kind of the first header.
  /// - Returns: The block.
  public static func interface(
    name: String, description: String = "", linkType: UInt16 = CaptureInterface.ethernet
  ) -> [UInt8] {
    var options = OptionSize(of: name, description)
    options.add(1)
    return block(1, byteCount: 20 + options.byteCount) { writer in
      writer.append(linkType)
      writer.append(UInt16(0))
      writer.append(UInt32(0))
      writer.appendOption(2, name)
      writer.appendOption(3, description)
      writer.appendOption(9, byteCount: 1)
      writer.append(CaptureResolution.nanoseconds.rawValue)
      writer.pad()
      writer.appendEnd(options)
    }
  }

  /// What was counted at an interface.
  ///
  /// - Parameters:
  ///   - interface: The interface's number.
  ///   - time: When, in nanoseconds since 1970.
  ///   - received: The packets that it received.
  ///   - dropped: The packets that were dropped there.
  ///   - delivered: The packets that reached the user; nil leaves that open.
  ///   - comment: What else there is to say.
  /// - Returns: The block.
  public static func statistics(
    interface: UInt32, time: UInt64, received: UInt64, dropped: UInt64, delivered: UInt64? = nil,
    comment: String = ""
  ) -> [UInt8] {
    var options = OptionSize(of: comment)
    for _ in 0..<(delivered == nil ? 2 : 3) { options.add(8) }
    return block(5, byteCount: 24 + options.byteCount) { writer in
      writer.append(interface)
      writer.append(time: time)
      writer.appendOption(1, comment)
      writer.appendOption(4, received)
      writer.appendOption(5, dropped)
      if let delivered { writer.appendOption(8, delivered) }
      writer.appendEnd(options)
    }
  }

  private static func block(
    _ type: UInt32, byteCount: Int, _ body: (inout BlockWriter) -> Void
  ) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { memory, initialized in
      unsafe initialized = BlockWriter.write(
        type, byteCount: byteCount, into: UnsafeMutableRawBufferPointer(memory), body)
    }
  }
}

extension PCAPNG {
  /// What there is to write about a packet: an enhanced packet block without the octets.
  public struct Packet: Equatable, Sendable {
    /// The interface's number.
    public var interface: UInt32
    /// When, in nanoseconds since 1970.
    public var time: UInt64
    /// The octets that are kept, 0...73152.
    public var capturedByteCount: Int
    /// The octets that the packet had.
    public var originalByteCount: Int
    /// Which way it went.
    public var direction = CapturedPacket.Direction.unknown
    /// The number that all records of one packet share.
    public var packetID: UInt64?
    /// The interface's queue.
    public var queue: UInt32?
    /// The packets lost since the one before; 0 says nothing.
    public var dropCount: UInt64 = 0
    /// What XDP programs answered, in order.
    public var verdicts: [UInt32] = []
    /// What else there is to say; beyond 65,535 octets it is cut.
    public var comment = ""

    /// Describes a packet all of which is kept.
    public init(interface: UInt32, time: UInt64, byteCount: Int) {
      self.interface = interface
      self.time = time
      capturedByteCount = byteCount
      originalByteCount = byteCount
    }

    private var options: OptionSize {
      var options = OptionSize(of: comment)
      if direction != .unknown { options.add(4) }
      if dropCount > 0 { options.add(8) }
      if packetID != nil { options.add(8) }
      if queue != nil { options.add(4) }
      for _ in verdicts { options.add(9) }
      return options
    }

    /// The octets of the whole block.
    public var byteCount: Int { 32 + (capturedByteCount + 3) & ~3 + options.byteCount }

    /// Writes the block.
    ///
    /// - Parameters:
    ///   - memory: Room for ``byteCount`` octets.
    ///   - fill: Writes the packet's octets into memory of ``capturedByteCount``.
    /// - Returns: ``byteCount``.
    /// - Note: Never allocates.
    @discardableResult
    public func write(
      into memory: UnsafeMutableRawBufferPointer, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Int {
      unsafe BlockWriter.write(6, byteCount: byteCount, into: memory) { writer in
        writer.append(interface)
        writer.append(time: time)
        writer.append(UInt32(truncatingIfNeeded: capturedByteCount))
        writer.append(UInt32(truncatingIfNeeded: originalByteCount))
        unsafe writer.append(byteCount: capturedByteCount, fill)
        writer.pad()
        appendOptions(to: &writer)
      }
    }

    private func appendOptions(to writer: inout BlockWriter) {
      writer.appendOption(1, comment)
      if direction != .unknown { writer.appendOption(2, UInt32(direction.rawValue)) }
      if dropCount > 0 { writer.appendOption(4, dropCount) }
      if let packetID { writer.appendOption(5, packetID) }
      if let queue { writer.appendOption(6, queue) }
      for verdict in verdicts {
        writer.appendOption(7, byteCount: 9)
        // What follows is the answer of an XDP program of eBPF.
        writer.append(UInt8(2))
        writer.append(UInt64(verdict))
        writer.pad()
      }
      writer.appendEnd(options)
    }
  }
}
