// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// Keys to ports: a redirect map that sends frames out, 16 at a time.
///
/// A port that cannot take a frame refuses it for its own reason: it is down or gone, the frame is longer than its
/// MTU allows, or has fragments that it cannot send. Frames are counted as redirected once the port has them.
///
/// Entries are replaced and removed while traffic flows; when the call returns, nothing is sent to the old port any
/// more.
///
/// Source: `struct bpf_dtab`, `kernel/bpf/devmap.c`.
public final class DevMap: RedirectMap, Sendable {
  private let entries: ReferenceTable<PortReference>
  private let changing = Mutex<Void>(())
  private let quiescence: Quiescence
  private let directory: PortDirectory

  /// The frames sent together, `DEV_MAP_BULK_SIZE`.
  public static let bulkCount = BulkQueue.capacity

  init(capacity: Int, quiescence: Quiescence, directory: PortDirectory) {
    entries = ReferenceTable(capacity: capacity)
    self.quiescence = quiescence
    self.directory = directory
  }

  /// The number of keys.
  public var capacity: Int { entries.capacity }

  /// Adds or replaces an entry.
  ///
  /// - Throws: ``MapError``: `E2BIG` for a key beyond the map, `EEXIST` for the rule `create`.
  ///
  /// Source: `__dev_map_update_elem()`, `kernel/bpf/devmap.c`.
  public func update(
    _ key: UInt32, _ port: any Port, rule: UpdateRule = .any
  ) throws(MapError) {
    guard key < capacity else { throw MapError(.tooBig, "key \(key) of \(capacity)") }
    guard rule != .create else { throw MapError(.exists, "key \(key)") }
    exchange(directory.reference(to: port), at: key)
  }

  /// Removes an entry; a key without one is no error.
  ///
  /// - Throws: ``MapError``: `EINVAL` for a key that is not in the map.
  ///
  /// Source: `dev_map_delete_elem()`, `kernel/bpf/devmap.c`.
  public func remove(_ key: UInt32) throws(MapError) {
    guard key < capacity else { throw MapError(.invalid, "key \(key) of \(capacity)") }
    exchange(nil, at: key)
  }

  /// Adds, replaces or removes an entry without waiting.
  ///
  /// - Returns: The old one, which the caller keeps until nobody sends to it any more.
  func publish(_ port: (any Port)?, at key: UInt32) -> AnyObject? {
    changing.withLock { _ in
      entries.exchange(port.map { directory.reference(to: $0) }, at: Int(key))
    }
  }

  private func exchange(_ reference: PortReference?, at key: UInt32) {
    changing.withLock { _ in
      let old = entries.exchange(reference, at: Int(key))
      quiescence.wait()
      _ = old
    }
  }

  /// Takes a port out of every entry, as when its interface is unregistered.
  ///
  /// Source: `dev_map_notification()`, `kernel/bpf/devmap.c`.
  func removeAll(_ port: any Port) {
    changing.withLock { _ in
      var old: [PortReference] = []
      for key in 0..<capacity where entries[key]?.port === port {
        if let reference = entries.exchange(nil, at: key) { old.append(reference) }
      }
      quiescence.wait()
      old.removeAll()
    }
  }

  /// Sends each frame out of its port: one bulk queue for each key, in the order of the burst.
  ///
  /// Source: `dev_map_enqueue()` and `__dev_flush()`, `kernel/bpf/devmap.c`.
  public func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    var missed = 0
    while frames.count > missed {
      let key = unsafe frames.targets[missed].key
      let hasEntry: Void? = entries.reader.with(Int(key)) { reference in
        let queue = BulkQueue(to: reference, tally: tally)
        send(key, from: &frames, behind: missed, through: queue)
      }
      if hasEntry == nil { missed = frames.keepMissed(key, behind: missed) }
    }
  }

  /// Sends the frames for one key and closes the gaps they leave.
  @inline(__always)
  private func send(
    _ key: UInt32, from frames: inout RedirectBurst, behind first: Int, through queue: BulkQueue
  ) {
    let descriptors = unsafe frames.descriptors
    let targets = unsafe frames.targets
    let count = frames.count
    var left = first
    var position = first
    while position < count {
      let descriptor = unsafe descriptors[position]
      if unsafe targets[position].key == key {
        queue.enqueue(Frame(owning: descriptor), in: &frames)
      } else {
        unsafe descriptors[left] = descriptor
        unsafe targets[left] = targets[position]
        left &+= 1
      }
      position &+= 1
    }
    frames.truncate(to: left)
    queue.flush(&frames)
  }
}
