// SPDX-License-Identifier: Apache-2.0

internal import Wire
public import XDPFrame

/// Spreads flows over the entries of a map: software receive-side scaling.
///
/// Both directions of a connection, and all fragments of a datagram, go to the same entry. The hash chooses by
/// multiplication, not by remainder, so no entry is favoured and no division is paid for.
@safe
public final class Steer: Program, Sendable {
  // Safe: written once, freed with the program.
  private nonisolated(unsafe) let keys: UnsafeMutablePointer<UInt32>
  private let count: UInt64
  private let map: UInt16
  private let miss: Verdict

  /// Steers to the entries at some keys.
  ///
  /// - Parameters:
  ///   - keys: The keys; one that appears twice gets twice the flows.
  ///   - map: The map's number in its datapath.
  ///   - miss: The verdict where an entry is missing.
  /// - Precondition: There is at least one key.
  public init(keys: [UInt32], map: UInt16, onMiss miss: Verdict = .drop) {
    precondition(!keys.isEmpty, "Steering needs an entry to steer to.")
    unsafe self.keys = .allocate(capacity: keys.count)
    for (position, key) in keys.enumerated() {
      unsafe (self.keys + position).initialize(to: key)
    }
    count = UInt64(keys.count)
    self.map = map
    self.miss = miss
  }

  deinit {
    unsafe keys.deallocate()
  }

  /// The key that flows with a hash are steered to.
  @inline(__always)
  public func key(forHash hash: UInt32) -> UInt32 {
    // Safe: the product of a 32-bit number and the count, shifted, is below the count.
    unsafe keys[Int(truncatingIfNeeded: (UInt64(hash) &* count) &>> 32)]
  }

  /// Redirects each packet to the entry that its flow belongs to.
  public func run(_ burst: inout Burst) {
    let packets = unsafe burst.packets
    let verdicts = unsafe burst.verdicts
    var position = 0
    let end = burst.count
    while position < end {
      // Safe: the position is below the burst's count.
      let packet = unsafe packets + position
      let hash = unsafe FlowHash.symmetric(
        packet.pointee.data, byteCount: packet.pointee.linearByteCount)
      let key = key(forHash: hash)
      unsafe packet.pointee.target = RedirectTarget(map: map, key: key, onMiss: miss)
      unsafe verdicts[position] = .redirect
      position &+= 1
    }
  }
}
