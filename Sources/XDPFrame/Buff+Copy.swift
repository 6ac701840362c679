// SPDX-License-Identifier: Apache-2.0

extension Frame {
  /// Lets a copy of a packet rest in buffers of another model; the packet's own buffers go home at once.
  ///
  /// nil when the model has too few buffers, the copy would need more than 17 fragments, or the packet has octets that
  /// cannot be read. The packet has then gone home, as ``DropReason/poolEmpty``, ``DropReason/tooManyFragments`` or
  /// ``DropReason/truncated``.
  ///
  /// For packets that somebody keeps: an XSK chunk that waits in a queue is one that the kernel cannot fill. Metadata,
  /// queue, flow hash, time and number of redirects are kept; fragments become whole buffers of the model.
  ///
  /// The caller is the model's owner.
  ///
  /// - Parameters:
  ///   - buff: The packet.
  ///   - model: Where the copy's buffers come from; the CPU may write them.
  ///
  /// Source: `xdp_convert_zc_to_xdp_frame()`, `net/core/xdp.c`, which refuses what does not fit one page.
  public init?(copying buff: consuming Buff, into model: any MemoryModel) {
    do throws(CopyFailure) {
      let copy = try Buff(copyOf: buff, from: model)
      MemoryRegistry.recycle(frame: Frame(unchecked: buff).take())
      self.init(unchecked: copy)
    } catch {
      buff.recycle(error.reason)
      return nil
    }
  }
}

/// Why there is no copy.
private struct CopyFailure: Error {
  let reason: DropReason
}

extension Buff {
  /// Copies a packet into buffers of a model.
  fileprivate init(
    copyOf packet: borrowing Buff, from model: any MemoryModel
  ) throws(CopyFailure) {
    let metadata = packet.metadataByteCount
    let headroom = max(model.headroom, Limits.frameHeader + metadata)
    let linear = model.headroom + model.linearByteCount - headroom
    let most = linear + Limits.fragments * model.bufferByteCount
    guard packet.byteCount <= most else { throw CopyFailure(reason: .tooManyFragments) }
    guard
      var copy = Buff(
        byteCount: packet.byteCount, headroom: headroom, from: model, queue: packet.queue)
    else { throw CopyFailure(reason: .poolEmpty) }
    guard copy.copyOctets(of: packet) else {
      copy.recycle(.truncated)
      throw CopyFailure(reason: .truncated)
    }
    // Safe: both have that much in front of the packet.
    unsafe copy.metadataStart = copy.packet - metadata
    unsafe copy.metadataStart.copyMemory(
      from: packet.packet - metadata, byteCount: metadata)
    copy.copyNotes(of: packet.descriptor)
    if let segmentation = packet.segmentation { copy.markSegmented(segmentation) }
    self = copy
  }

  /// Overwrites this packet's octets with those of another one of the same length; answers whether all could be read.
  private mutating func copyOctets(of packet: borrowing Buff) -> Bool {
    do {
      try unsafe packet.forEachPiece(from: 0, count: packet.byteCount) { piece, done, count in
        _ = unsafe storeBytes(UnsafeRawBufferPointer(start: piece, count: count), at: done)
      }
    } catch {
      return false
    }
    return true
  }

  /// Takes over what is noted about another packet beside its octets.
  private func copyNotes(of other: Descriptor) {
    descriptor.hopCount = other.hopCount
    descriptor.flowHash = other.flowHash
    descriptor.time = other.time
  }
}
