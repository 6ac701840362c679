// SPDX-License-Identifier: Apache-2.0

extension Buff {
  /// Allocates a packet over as many buffers as it takes, its octets still to be written.
  ///
  /// nil when the model has too few buffers, or the packet would need more than 17 fragments.
  ///
  /// The caller is the model's owner.
  ///
  /// - Parameters:
  ///   - byteCount: The packet's octets, 0 or more.
  ///   - model: Where its buffers come from.
  ///   - queue: Where it arrived; nil for nowhere, which is number 0.
  ///
  /// Source: the receive loop of a driver, such as `mvneta_rx_swbm()`, `drivers/net/ethernet/marvell/mvneta.c`.
  public init?(byteCount: Int, from model: any MemoryModel, queue: ReceiveQueueInfo? = nil) {
    self.init(byteCount: byteCount, headroom: model.headroom, from: model, queue: queue)
  }

  /// Allocates a packet with another headroom than the model's; the linear part is shorter or longer by as much.
  init?(byteCount: Int, headroom: Int, from model: any MemoryModel, queue: ReceiveQueueInfo?) {
    guard let first = model.allocate() else { return nil }
    let nowhere = unsafe ReceiveQueueInfo(base: first.descriptor.base, number: 0)
    let linear = min(byteCount, model.headroom + model.linearByteCount - headroom)
    var packet = Buff(
      owning: first.take(), queue: queue ?? nowhere, headroom: headroom, byteCount: linear)
    guard packet.addFragments(byteCount: byteCount - linear, from: model) else {
      packet.recycle(.poolEmpty)
      return nil
    }
    self = packet
  }

  /// Lengthens the packet by as many fragments as it takes, their octets still to be written.
  ///
  /// The caller is the model's owner. All buffers are had in one call, or none.
  ///
  /// - Parameters:
  ///   - byteCount: Octets to add, 0 or more.
  ///   - model: Where the buffers come from.
  /// - Returns: Whether it was lengthened: the model had the buffers, and there are at most 17 fragments now.
  public mutating func addFragments(byteCount: Int, from model: any MemoryModel) -> Bool {
    guard byteCount > 0 else { return byteCount == 0 }
    let most = model.bufferByteCount
    let wanted = (byteCount + most - 1) / most
    guard wanted <= Limits.fragments - fragmentCount else { return false }
    return unsafe withUnsafeTemporaryAllocation(of: Storage.self, capacity: wanted) { room in
      guard let start = room.baseAddress else { return false }
      let got = unsafe model.allocate(into: start, count: wanted)
      guard got == wanted else {
        for position in 0..<got { unsafe (start + position).move().recycle() }
        return false
      }
      for position in 0..<wanted {
        // Never handed back: there is room in the list for all of them.
        _ = unsafe addFragment(
          (start + position).move(), offset: 0, byteCount: min(byteCount - position * most, most))
      }
      return true
    }
  }
}
