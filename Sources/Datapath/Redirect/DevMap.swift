// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// Keys to ports: a redirect map that sends frames out, 16 at a time.
///
/// An entry may have a program of its own, which sees each frame before the port does. A port that cannot take a
/// frame refuses it for its own reason: it is down or gone, the frame is longer than its MTU allows, or has fragments
/// that it cannot send. Frames are counted as redirected once the port has them.
///
/// Entries are replaced and removed while traffic flows; when the call returns, nothing is sent to the old port any
/// more.
///
/// Source: `struct bpf_dtab`, `kernel/bpf/devmap.c`.
@safe
public final class DevMap: RedirectMap, Sendable {
  let entries: ReferenceTable<DevMapEntry>
  let copies = Mutex<(any MemoryModel)?>(nil)
  // Safe: the routes hold the map, so a reference of its own would keep both for ever; who redirects comes by them.
  let routes: Unmanaged<Routes>
  private let changing = Mutex<Void>(())
  /// Source: `__dev_map_alloc_node()`, `kernel/bpf/devmap.c`.
  private let agreement = FragmentAgreement(refusing: .invalid)
  private let quiescence: Quiescence
  private let directory: PortDirectory

  /// The frames sent together, `DEV_MAP_BULK_SIZE`.
  public static let bulkCount = BulkQueue.capacity

  init(capacity: Int, quiescence: Quiescence, directory: PortDirectory, routes: Routes) {
    entries = ReferenceTable(capacity: capacity)
    self.quiescence = quiescence
    self.directory = directory
    unsafe self.routes = .passUnretained(routes)
  }

  /// Its entries are ports.
  public var kind: RedirectKind { .device }

  /// The number of keys.
  public var capacity: Int { entries.capacity }

  /// Adds or replaces an entry.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - port: Where its frames leave.
  ///   - program: Sees each frame before the port does, with ``Buff/egressPort``, on the thread that redirects; one
  ///     thread at a time. Only what it passes is sent: it can neither redirect nor send back. Nil sends everything.
  ///   - name: The operator's name for the program.
  ///   - rule: Whether the key may be new, or must be.
  /// - Throws: ``MapError``: `E2BIG` for a key beyond the map, `EEXIST` for the rule `create`, `EINVAL` for a program
  ///   that accepts fragments where the map's first one does not, or the other way round.
  ///
  /// Source: `__dev_map_update_elem()`, `kernel/bpf/devmap.c`.
  public func update(
    _ key: UInt32, _ port: any Port, program: (any Program & Sendable)? = nil,
    named name: String = "", rule: UpdateRule = .any
  ) throws(MapError) {
    guard key < capacity else { throw MapError(.tooBig, "key \(key) of \(capacity)") }
    guard rule != .create else { throw MapError(.exists, "key \(key)") }
    if let program { try FragmentRule.map(agreement).check(program, named: name) }
    let target = directory.reference(to: port)
    exchange(DevMapEntry(target, program: program.map { InstalledProgram($0) }), at: key)
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
      entries.exchange(
        port.map { DevMapEntry(directory.reference(to: $0), program: nil) }, at: Int(key))
    }
  }

  private func exchange(_ entry: DevMapEntry?, at key: UInt32) {
    changing.withLock { _ in
      let old = entries.exchange(entry, at: Int(key))
      quiescence.wait()
      _ = old
    }
  }

  /// Takes a port out of every entry, as when its interface is unregistered.
  ///
  /// Source: `dev_map_notification()`, `kernel/bpf/devmap.c`.
  func removeAll(_ port: any Port) {
    changing.withLock { _ in
      var old: [DevMapEntry] = []
      for key in 0..<capacity where entries[key]?.target.port === port {
        if let entry = entries.exchange(nil, at: key) { old.append(entry) }
      }
      quiescence.wait()
      old.removeAll()
    }
  }

  /// Sends each frame out of its port, or of every port; each port's in the order of the burst.
  ///
  /// Source: `dev_map_enqueue()` and `__dev_flush()`, `kernel/bpf/devmap.c`.
  public func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    var queues = unsafe BulkQueues(frames, tally: tally, routes: routes)
    let descriptors = unsafe frames.descriptors
    let targets = unsafe frames.targets
    let count = frames.count
    var missed = 0
    var position = 0
    while position < count {
      let descriptor = unsafe descriptors[position]
      let target = unsafe targets[position]
      position &+= 1
      if target.flags.contains(.broadcast) {
        broadcast(Frame(owning: descriptor), target.flags, through: &queues, in: &frames)
        continue
      }
      let hasEntry: Void? = entries.reader.with(Int(target.key)) {
        queues.enqueue(Frame(owning: descriptor), to: $0, isCounted: true, in: &frames)
      }
      guard hasEntry == nil else { continue }
      unsafe descriptors[missed] = descriptor
      unsafe targets[missed] = target
      missed &+= 1
    }
    frames.truncate(to: missed)
    queues.flush(&frames)
  }
}
