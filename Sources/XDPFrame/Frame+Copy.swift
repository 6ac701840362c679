// SPDX-License-Identifier: Apache-2.0

extension Frame {
  /// Copies a frame of one buffer, headroom and metadata included, into a buffer of any model.
  ///
  /// The copy arrived where the frame did, and lives on its own from here on.
  ///
  /// - Parameter storage: The buffer; goes home where the frame cannot be copied.
  /// - Returns: nil when the frame has fragments, or does not fit the buffer as it lies.
  ///
  /// Source: `xdpf_clone()`, `net/core/xdp.c`, which takes a page for it.
  public borrowing func copy(into storage: consuming Storage) -> Frame? {
    let source = descriptor
    let metadata = Int(source.metadataByteCount)
    let headroom = unsafe source.data - source.hardStart
    let copy = storage.descriptor
    let reserved = copy.flags.contains(.sharedInfoBeside) ? 0 : Limits.sharedInfo
    guard !hasFragments, metadata <= headroom,
      headroom + linearByteCount <= Int(copy.frameByteCount) - reserved
    else {
      storage.recycle()
      return nil
    }
    let octets = unsafe UnsafeRawPointer(source.data - metadata)
    // Safe: the metadata and the packet lie inside both buffers, as was just checked.
    unsafe (copy.hardStart + (headroom - metadata)).copyMemory(
      from: octets, byteCount: metadata + linearByteCount)
    copy.describe(as: source, headroom: headroom)
    if let segmentation = source.segmentation { copy.markSegmented(segmentation) }
    return Frame(owning: storage.take())
  }
}

extension Descriptor {
  /// Notes of a packet what a frame knows of another that it is a copy of.
  fileprivate func describe(as other: Descriptor, headroom: Int) {
    dataOffset = unsafe UInt32(truncatingIfNeeded: UInt(bitPattern: hardStart + headroom))
    byteCount = other.byteCount
    metadataByteCount = other.metadataByteCount
    hopCount = other.hopCount
    flags = flags.intersection(.sharedInfoBeside)
    queueNumber = other.queueNumber
    flowHash = other.flowHash
    time = other.time
  }
}
