// SPDX-License-Identifier: Apache-2.0

public import Arena

extension Descriptor {
  /// Reads or writes one field of the line.
  ///
  /// Safe: offsets and types are those of the layout drawn at ``Descriptor``.
  @inlinable
  @inline(__always)
  func field<Value: BitwiseCopyable>(
    _ offset: Int, as type: Value.Type = Value.self
  )
    -> UnsafeMutablePointer<Value>
  {
    unsafe (line + offset).assumingMemoryBound(to: Value.self)
  }

  /// Arena offset of the first packet octet.
  @inlinable public var dataOffset: UInt32 {
    get { unsafe field(0).pointee }
    nonmutating set { unsafe field(0).pointee = newValue }
  }

  /// Octets of the linear part.
  @inlinable public var byteCount: UInt32 {
    get { unsafe field(4).pointee }
    nonmutating set { unsafe field(4).pointee = newValue }
  }

  /// Octets of metadata in front of the packet.
  @inlinable public var metadataByteCount: UInt8 {
    get { unsafe field(8).pointee }
    nonmutating set { unsafe field(8).pointee = newValue }
  }

  /// How often the packet was redirected since it was received.
  @inlinable public var hopCount: UInt8 {
    get { unsafe field(9).pointee }
    nonmutating set { unsafe field(9).pointee = newValue }
  }

  /// What is special about the packet.
  @inlinable public var flags: PacketFlags {
    get { unsafe PacketFlags(rawValue: UInt32(field(10, as: UInt16.self).pointee)) }
    nonmutating set { unsafe field(10).pointee = UInt16(truncatingIfNeeded: newValue.rawValue) }
  }

  /// Octets of the buffer, from its first octet to the end of its tailroom.
  @inlinable public var frameByteCount: UInt32 {
    get { unsafe field(12).pointee }
    nonmutating set { unsafe field(12).pointee = newValue }
  }

  /// Whether so many octets at that offset lie inside the buffer; negative numbers do not.
  @inlinable
  @inline(__always)
  func holds(offset: Int, byteCount: Int) -> Bool {
    let most = UInt(frameByteCount)
    let start = UInt(bitPattern: offset)
    return start <= most && UInt(bitPattern: byteCount) <= most &- start
  }

  /// The model the buffer belongs to.
  @inlinable public var memory: MemoryInfo {
    get {
      let word = unsafe field(16, as: UInt32.self).pointee
      return MemoryInfo(
        kind: MemoryKind(rawValue: UInt16(truncatingIfNeeded: word)),
        id: UInt16(truncatingIfNeeded: word &>> 16))
    }
    nonmutating set {
      unsafe field(16).pointee = UInt32(newValue.kind.rawValue) | (UInt32(newValue.id) &<< 16)
    }
  }

  /// The registry's id of the model.
  @inlinable public var memoryID: UInt16 { unsafe field(18).pointee }

  /// The number of the ``ReceiveQueueInfo`` that the packet arrived by.
  @inlinable public var queueNumber: UInt16 {
    get { unsafe field(32).pointee }
    nonmutating set { unsafe field(32).pointee = newValue }
  }

  /// The queue that the packet arrived by.
  @inlinable public var queue: ReceiveQueueInfo {
    unsafe ReceiveQueueInfo(base: base, number: queueNumber)
  }

  /// What the packet ended with: a ``DropReason``.
  @inlinable public var reason: UInt16 {
    get { unsafe field(34).pointee }
    nonmutating set { unsafe field(34).pointee = newValue }
  }

  /// The flow hash, or 0.
  @inlinable public var flowHash: UInt32 {
    get { unsafe field(36).pointee }
    nonmutating set { unsafe field(36).pointee = newValue }
  }

  /// When the packet was received, in nanoseconds of the monotonic clock; 0 if not taken.
  @inlinable public var time: UInt64 {
    get { unsafe field(48).pointee }
    nonmutating set { unsafe field(48).pointee = newValue }
  }

  /// Free for the buffer's owner.
  @inlinable public var cookie: UInt64 {
    get { unsafe field(56).pointee }
    nonmutating set { unsafe field(56).pointee = newValue }
  }

  /// Where the buffer's ``SharedInfo`` lies.
  @inlinable public var sharedInfo: SharedInfo {
    let words = unsafe field(40, as: UInt32.self).pointee
    return unsafe SharedInfo(memory: base + (Int(truncatingIfNeeded: words) &<< 3))
  }

  /// Tells where the buffer's ``SharedInfo`` lies: an offset from the base, a multiple of 8 octets.
  public func placeSharedInfo(atOffset offset: UInt) {
    unsafe field(40).pointee = UInt32(truncatingIfNeeded: offset &>> 3)
  }

  /// The first packet octet.
  @inlinable public var data: UnsafeMutableRawPointer {
    unsafe base + Int(bitPattern: AddressMap.arenaOffset &+ UInt(dataOffset))
  }
}
