// SPDX-License-Identifier: Apache-2.0

extension Frame {
  /// Makes a packet of octets, over as many buffers as it takes: for tests, tools and the first steps.
  ///
  /// nil when the model has too few buffers, or the packet would need more than 17 fragments.
  ///
  /// The caller is the model's owner. The packet arrived nowhere, so its ``queue`` is the model's own: number 0.
  ///
  /// - Parameters:
  ///   - octets: The packet, 1...73152 octets.
  ///   - model: Where its buffers come from.
  public init?(octets: [UInt8], from model: some MemoryModel) {
    guard let first = model.allocate() else { return nil }
    let linear = min(octets.count, model.linearByteCount)
    let queue = unsafe ReceiveQueueInfo(base: first.descriptor.base, number: 0)
    var packet = Buff(
      owning: first.take(), queue: queue, headroom: model.headroom, byteCount: linear)
    // Safe: the linear part has that many octets.
    unsafe packet.data.copyMemory(from: octets, byteCount: linear)
    var made = linear
    while made < octets.count {
      guard let more = model.allocate() else {
        packet.recycle(.poolEmpty)
        return nil
      }
      let piece = min(octets.count - made, Int(more.descriptor.frameByteCount))
      unsafe octets.withUnsafeBytes {
        let part = unsafe UnsafeRawBufferPointer(rebasing: $0[made..<made + piece])
        unsafe UnsafeMutableRawBufferPointer(start: more.descriptor.hardStart, count: piece)
          .copyMemory(from: part)
      }
      if let refused = packet.addFragment(more, offset: 0, byteCount: piece) {
        refused.recycle()
        packet.recycle(.tooManyFragments)
        return nil
      }
      made += piece
    }
    self.init(packet)
  }
}
