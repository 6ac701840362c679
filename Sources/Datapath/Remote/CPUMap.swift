// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// Keys to CPUs: a redirect map whose entries run their own programs on workers elsewhere.
///
/// Entries are added, replaced and removed while traffic flows. A change publishes first; when no producer can see
/// the old entry any more, its worker empties the queue and stops; only then does the new one begin. Nothing is
/// lost, everything is counted, and the packets of a flow stay in order across the change.
///
/// Any thread changes the map, one at a time, and never from within a program's run.
///
/// Source: `struct bpf_cpu_map`, `kernel/bpf/cpumap.c`, where the new entry runs at once beside the old one.
public final class CPUMap: RedirectMap, Sendable {
  let entries: ReferenceTable<CPUMapEntry>
  let books = EntryBooks()
  private let changing = Mutex<Void>(())
  /// Source: `__cpu_map_load_bpf_program()`, `kernel/bpf/cpumap.c`, whose refusal becomes `ENOMEM`.
  private let agreement = FragmentAgreement(refusing: .noMemory)
  private unowned let datapath: Datapath

  /// What an entry is made of.
  ///
  /// Source: `struct bpf_cpumap_val`, `include/uapi/linux/bpf.h`.
  public struct Value: Sendable {
    /// The operator's name for the entry.
    public var name: String
    /// The CPU of its worker.
    public var cpu: Int
    /// The most frames in its queue, 1...16384.
    public var queueCapacity: Int
    /// The program; nil passes every packet.
    public var program: (any Program & Sendable)?
    /// The operator's name for the program.
    public var programName: String

    /// Describes an entry.
    public init(
      name: String, cpu: Int, queueCapacity: Int = 2_048, program: (any Program & Sendable)? = nil,
      programName: String = ""
    ) {
      self.name = name
      self.cpu = cpu
      self.queueCapacity = queueCapacity
      self.program = program
      self.programName = programName
    }
  }

  init(capacity: Int, datapath: Datapath) {
    entries = ReferenceTable(capacity: capacity)
    self.datapath = datapath
  }

  /// Its entries are queues to other CPUs.
  public var kind: RedirectKind { .cpu }

  /// The number of keys.
  public var capacity: Int { entries.capacity }

  /// Adds or replaces an entry.
  ///
  /// Waits until the old entry's queue is empty, while frames queue up at the new one.
  ///
  /// - Throws: ``MapError``, checked in the kernel's order: `E2BIG`, `EEXIST`, `EOVERFLOW`, `ENODEV`, `EINVAL`,
  ///   `ENOMEM`, which also says that the program accepts fragments and the map's first one did not, or the other
  ///   way round. Where it throws nothing has changed.
  ///
  /// Source: `cpu_map_update_elem()`, `kernel/bpf/cpumap.c`, where a queue of 0 removes the entry.
  @discardableResult
  public func update(
    _ key: UInt32, _ value: Value, rule: UpdateRule = .any
  ) throws(MapError)
    -> CPUMapEntry
  {
    let entry = try prepare(key, value, rule)
    exchange(entry, at: key)
    return entry
  }

  /// Makes an entry that nobody can see yet, and whose worker waits.
  func prepare(
    _ key: UInt32, _ value: Value, _ rule: UpdateRule = .any
  ) throws(MapError) -> CPUMapEntry {
    guard key < capacity else { throw MapError(.tooBig, "key \(key) of \(capacity)") }
    guard rule != .create else { throw MapError(.exists, "key \(key)") }
    guard value.queueCapacity <= Limits.queue else {
      throw MapError(.overflow, "a queue of \(value.queueCapacity); at most \(Limits.queue)")
    }
    guard datapath.workerMode == .stepped || CPUSet.online.contains(value.cpu) else {
      throw MapError(.noDevice, "CPU \(value.cpu) is not online")
    }
    guard value.queueCapacity > 0 else {
      throw MapError(.invalid, "a queue of \(value.queueCapacity); remove the entry instead")
    }
    return try make(key, value)
  }

  /// Makes an entry with its worker, which waits for ``CPUMapEntry/begin()``.
  private func make(_ key: UInt32, _ value: Value) throws(MapError) -> CPUMapEntry {
    do {
      let program = try ProgramSlot(
        value.program, named: value.programName, in: datapath.quiescence, rule: .map(agreement))
      let parking = try Parking(mode: datapath.parkingMode, usesRing: datapath.usesRing)
      let entry = try CPUMapEntry(
        key: key, value: value, program: program, arena: datapath.registry.arena,
        parking: parking)
      try entry.start(in: datapath)
      return entry
    } catch let error as MapError {
      throw error
    } catch {
      throw MapError(.noMemory, "entry \(value.name): \(error)")
    }
  }

  /// Removes an entry; a key without one is no error.
  ///
  /// Waits until the entry's queue is empty and its worker has ended.
  ///
  /// - Throws: ``MapError``: `EINVAL` for a key that is not in the map.
  ///
  /// Source: `cpu_map_delete_elem()`, `kernel/bpf/cpumap.c`.
  public func remove(_ key: UInt32) throws(MapError) {
    guard key < capacity else { throw MapError(.invalid, "key \(key) of \(capacity)") }
    exchange(nil, at: key)
  }

  /// Removes every entry.
  func removeAll() {
    for key in 0..<UInt32(capacity) { exchange(nil, at: key) }
  }

  /// The entry at a key; nil where there is none.
  public func entry(_ key: UInt32) -> CPUMapEntry? {
    books.open.last { $0.key == key }
  }

  /// All entries, those that are being removed included.
  public var allEntries: [CPUMapEntry] { books.open }

  /// Publishes, waits until no producer can see the old entry, lets its worker finish, lets the new one begin.
  ///
  /// Source: `__cpu_map_entry_replace()` and `__cpu_map_entry_free()`, `kernel/bpf/cpumap.c`.
  private func exchange(_ entry: CPUMapEntry?, at key: UInt32) {
    changing.withLock { _ in
      if let entry { books.open(entry) }
      if let old = entries.exchange(entry, at: Int(key)) {
        datapath.quiescence.wait()
        old.stop()
        books.close(old)
      }
      entry?.begin()
    }
  }

  /// Changes several keys, and what else `publish` exchanges, in the middle of one hold of all loops.
  ///
  /// No new entry begins before every old one has ended: a flow that moves from one to another keeps its order.
  ///
  /// - Returns: Whether it was done; false where a loop did not come out of its burst, and nothing has changed.
  func exchange(
    _ changes: [(key: UInt32, entry: CPUMapEntry?)], holdingUpTo limit: UInt64,
    publish: () -> [AnyObject]
  ) -> Bool {
    changing.withLock { _ in
      guard datapath.quiescence.hold(upTo: limit) else { return false }
      for change in changes { if let entry = change.entry { books.open(entry) } }
      let old = changes.compactMap { entries.exchange($0.entry, at: Int($0.key)) }
      let published = publish()
      datapath.quiescence.release()
      datapath.quiescence.wait()
      for entry in old { entry.requestStop() }
      for entry in old {
        entry.stop()
        books.close(entry)
      }
      for change in changes { change.entry?.begin() }
      return withExtendedLifetime(published) { true }
    }
  }
}
