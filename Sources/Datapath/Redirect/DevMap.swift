// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// Keys to ports: a redirect map that sends frames out, 16 at a time.
///
/// A port that cannot take a frame refuses it for its own reason: it is down or gone, the frame is longer than its
/// MTU allows, or has fragments that it cannot send. Frames are counted as redirected once the port has them.
///
/// Source: `struct bpf_dtab`, `kernel/bpf/devmap.c`.
public final class DevMap: RedirectMap, Sendable {
  private let entries: ReferenceTable<PortReference>
  private let changing = Mutex<Void>(())
  private let quiescence: Quiescence

  /// The frames sent together, `DEV_MAP_BULK_SIZE`.
  public static let bulkCount = 16

  init(capacity: Int, quiescence: Quiescence) {
    entries = ReferenceTable(capacity: capacity)
    self.quiescence = quiescence
  }

  /// The number of keys.
  public var capacity: Int { entries.capacity }

  /// Adds or replaces an entry.
  ///
  /// - Throws: ``MapError`` for a key beyond the map.
  ///
  /// Source: `__dev_map_update_elem()`, `kernel/bpf/devmap.c`.
  public func update(_ key: UInt32, _ port: any Port) throws(MapError) {
    guard key < capacity else { throw MapError(.tooBig, "key \(key) of \(capacity)") }
    exchange(PortReference(port), at: key)
  }

  /// Removes an entry; a key without one is no error.
  ///
  /// - Throws: ``MapError`` for a key that is not in the map.
  public func remove(_ key: UInt32) throws(MapError) {
    guard key < capacity else { throw MapError(.invalid, "key \(key) of \(capacity)") }
    exchange(nil, at: key)
  }

  private func exchange(_ reference: PortReference?, at key: UInt32) {
    changing.withLock { _ in
      let old = entries.exchange(reference, at: Int(key))
      quiescence.wait()
      _ = old
    }
  }

  /// Sends each frame out of its port, in order.
  ///
  /// Source: `dev_map_enqueue()` and `bq_xmit_all()`, `kernel/bpf/devmap.c`.
  public func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    var left = 0
    var position = 0
    let count = frames.count
    while position < count {
      let key = unsafe frames.targets[position].key
      let end = runEnd(of: key, in: frames, from: position)
      let hasEntry: Void? = entries.with(Int(key)) { reference in
        send(position..<end, of: &frames, to: reference.port, tally)
      }
      if hasEntry == nil {
        for missed in position..<end {
          unsafe frames.descriptors[left] = frames.descriptors[missed]
          unsafe frames.targets[left] = frames.targets[missed]
          left += 1
        }
      }
      position = end
    }
    frames.truncate(to: left)
  }

  /// Where the frames for the same key that stand side by side end.
  private func runEnd(of key: UInt32, in frames: borrowing RedirectBurst, from first: Int) -> Int {
    var end = first + 1
    while end < frames.count, unsafe frames.targets[end].key == key { end += 1 }
    return end
  }

  private func send(
    _ positions: Range<Int>, of frames: inout RedirectBurst, to port: any Port, _ tally: Tally
  ) {
    let status = port.status
    for position in positions {
      let descriptor = unsafe frames.descriptors[position]
      let frame = Frame(owning: descriptor)
      if let reason = DevMap.refusal(of: frame, by: status) {
        descriptor.reason = reason.rawValue
        tally.drop(1, reason)
        frames.refused.append(frame)
        continue
      }
      frames.staged.append(frame)
      if frames.staged.count == DevMap.bulkCount { flush(&frames, to: port, tally) }
    }
    flush(&frames, to: port, tally)
  }

  /// Why a port cannot take a frame; nil if it can.
  ///
  /// Source: `__xdp_enqueue()`, `kernel/bpf/devmap.c`, and `xdp_ok_fwd_dev()`, `include/linux/filter.h`.
  static func refusal(of frame: borrowing Frame, by status: PortStatus) -> DropReason? {
    if frame.hasFragments, !status.sendsFragments { return .redirectNoFragments }
    switch status.state {
    case .up: break
    case .down: return .portDown
    case .gone, .closed: return .portGone
    }
    return frame.byteCount > status.largestPacket ? .redirectMTU : nil
  }

  private func flush(_ frames: inout RedirectBurst, to port: any Port, _ tally: Tally) {
    guard !frames.staged.isEmpty else { return }
    tally.add(port.transmit(&frames.staged), to: .redirect)
    while let frame = frames.staged.popLast() {
      tally.drop(1, DropReason(rawValue: frame.descriptor.reason) ?? .transmitError)
      frames.refused.append(frame)
    }
  }
}
