// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// The first buffers of a burst's packets, had from their model in one call.
@safe
struct Heads: ~Copyable {
  // Safe: uninitialised memory of the caller, `next..<count` of which holds buffers.
  private let room: UnsafeMutablePointer<Storage>
  private let queue: ReceiveQueueInfo
  private let headroom: Int
  /// The octets of a packet that its first buffer holds.
  let linearByteCount: Int
  private let count: Int
  private var next = 0

  /// Allocates up to `wanted` buffers, for the time of the body; those not used go back.
  static func with(
    _ wanted: Int, from model: any MemoryModel, for queue: ReceiveQueueInfo,
    _ body: (inout Heads) -> Void
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Storage.self, capacity: Limits.budget) {
      guard let room = $0.baseAddress else { return }
      var heads = unsafe Heads(room: room, wanted: min(wanted, Limits.budget), model, queue)
      body(&heads)
      heads.recycleRest()
    }
  }

  private init(
    room: UnsafeMutablePointer<Storage>, wanted: Int, _ model: any MemoryModel,
    _ queue: ReceiveQueueInfo
  ) {
    unsafe self.room = room
    self.queue = queue
    headroom = model.headroom
    linearByteCount = model.linearByteCount
    count = unsafe model.allocate(into: room, count: wanted)
  }

  /// Begins a packet in the next buffer, as full as it goes, its octets still to be written.
  ///
  /// - Returns: nil when there are too few buffers, or the packet would need more than 17 fragments.
  @inline(__always)
  mutating func packet(byteCount: Int, from model: any MemoryModel) -> Buff? {
    packet(byteCount: byteCount, linear: min(byteCount, linearByteCount), from: model)
  }

  /// Begins a packet in the next buffer, its octets still to be written; fragments come from the same model.
  ///
  /// - Parameters:
  ///   - byteCount: Its octets.
  ///   - linear: How many of them the linear part gets; at most ``linearByteCount``.
  ///   - model: The one that the heads came from.
  /// - Returns: As ``packet(byteCount:from:)``.
  @inline(__always)
  mutating func packet(byteCount: Int, linear: Int, from model: any MemoryModel) -> Buff? {
    guard next < count else { return nil }
    let first = unsafe (room + next).move().take()
    next &+= 1
    let packet = Buff(owning: first, queue: queue, headroom: headroom, byteCount: linear)
    guard linear < byteCount else { return packet }
    return lengthen(packet, by: byteCount &- linear, from: model)
  }

  /// Copies a packet into buffers, and adds it to a burst that has room for it.
  ///
  /// - Returns: nil, or why it could not.
  @inline(__always)
  mutating func receive(
    _ octets: UnsafeRawBufferPointer, laidOut mode: ReceiveMode, from model: any MemoryModel,
    into burst: inout Burst
  ) -> DropReason? {
    guard
      let linear = unsafe mode.linearByteCount(
        of: octets, byteCount: octets.count, room: linearByteCount)
    else { return .mtu }
    guard octets.count - linear <= Limits.fragments * model.bufferByteCount else {
      return .tooManyFragments
    }
    guard var packet = packet(byteCount: octets.count, linear: linear, from: model) else {
      return .poolEmpty
    }
    _ = unsafe packet.storeBytes(octets, at: 0)
    burst.append(packet)
    return nil
  }

  private mutating func lengthen(
    _ packet: consuming Buff, by byteCount: Int, from model: any MemoryModel
  ) -> Buff? {
    var packet = packet
    if packet.addFragments(byteCount: byteCount, from: model) { return packet }
    // The beginnings of packets to come must not keep this one from its end.
    recycleRest()
    if packet.addFragments(byteCount: byteCount, from: model) { return packet }
    packet.recycle(.poolEmpty)
    return nil
  }

  /// Gives back what is left; there are no more packets afterwards.
  private mutating func recycleRest() {
    while next < count {
      unsafe (room + next).move().recycle()
      next += 1
    }
  }
}
