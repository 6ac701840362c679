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
  public init?(octets: [UInt8], from model: any MemoryModel) {
    guard var packet = Buff(byteCount: octets.count, from: model) else { return nil }
    _ = unsafe octets.withUnsafeBytes { unsafe packet.storeBytes($0, at: 0) }
    self.init(packet)
  }

  /// Ends the frame and answers its octets: for tests, tools and the first steps.
  ///
  /// - Parameter reason: What the packet ended with.
  /// - Returns: The octets; none if its list of fragments was forged.
  /// - Note: Allocates.
  public consuming func octets(recycling reason: DropReason = .shutdown) -> [UInt8] {
    let packet = Buff(self)
    var octets = [UInt8](repeating: 0, count: packet.byteCount)
    let isWhole = unsafe octets.withUnsafeMutableBytes { unsafe packet.copyBytes(from: 0, to: $0) }
    packet.recycle(reason)
    return isWhole ? octets : []
  }
}
