// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// Keys to CPUs: a redirect map whose entries run their own programs on workers elsewhere.
///
/// Entries are added, replaced and removed while traffic flows: an entry is unpublished first; once no producer can
/// see it any more its worker empties the queue and stops. Nothing is lost, and everything is counted.
///
/// Source: `struct bpf_cpu_map`, `kernel/bpf/cpumap.c`.
public final class CPUMap: RedirectMap, Sendable {
  private let entries: ReferenceTable<CPUMapEntry>
  private let changing = Mutex<Void>(())
  private unowned let datapath: Datapath

  /// What an entry is made of.
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

  /// Whether an update may create, replace, or both; `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`.
  public enum UpdateRule: Sendable {
    /// Create or replace.
    case any
    /// Only create: refused with `EEXIST` always, because every key of an array-like map exists.
    case create
    /// Only replace.
    case replace
  }

  init(capacity: Int, datapath: Datapath) {
    entries = ReferenceTable(capacity: capacity)
    self.datapath = datapath
  }

  /// The number of keys.
  public var capacity: Int { entries.capacity }

  /// Adds or replaces an entry.
  ///
  /// - Throws: ``MapError``, checked in the kernel's order.
  ///
  /// Source: `cpu_map_update_elem()`, `kernel/bpf/cpumap.c`.
  @discardableResult
  public func update(
    _ key: UInt32, _ value: Value, rule: UpdateRule = .any
  ) throws(MapError)
    -> CPUMapEntry
  {
    guard key < capacity else { throw MapError(.tooBig, "key \(key) of \(capacity)") }
    guard rule != .create else { throw MapError(.exists, "key \(key)") }
    guard value.queueCapacity <= Limits.queue else {
      throw MapError(.overflow, "a queue of \(value.queueCapacity); at most \(Limits.queue)")
    }
    guard value.queueCapacity > 0 else {
      throw MapError(.invalid, "a queue of \(value.queueCapacity); remove the entry instead")
    }
    guard CPUSet.online.contains(value.cpu) else {
      throw MapError(.noDevice, "CPU \(value.cpu) is not online")
    }
    let entry = try make(key, value)
    exchange(entry, at: key)
    return entry
  }

  private func make(_ key: UInt32, _ value: Value) throws(MapError) -> CPUMapEntry {
    do {
      let program = ProgramSlot(
        value.program, named: value.programName, in: datapath.quiescence)
      let parking = try Parking(mode: datapath.parkingMode, usesRing: datapath.usesRing)
      let entry = try CPUMapEntry(
        key: key, value: value, program: program, arena: datapath.registry.arena,
        parking: parking)
      try entry.start(in: datapath)
      return entry
    } catch {
      throw MapError(.noMemory, "\(error)")
    }
  }

  /// Removes an entry; a key without one is no error.
  ///
  /// - Throws: ``MapError`` for a key that is not in the map.
  ///
  /// Source: `cpu_map_delete_elem()`, `kernel/bpf/cpumap.c`.
  public func remove(_ key: UInt32) throws(MapError) {
    guard key < capacity else { throw MapError(.invalid, "key \(key) of \(capacity)") }
    exchange(nil, at: key)
  }

  /// The entry at a key.
  public func entry(_ key: UInt32) -> CPUMapEntry? {
    changing.withLock { _ in entries[Int(key)] }
  }

  /// All entries, by key.
  public var allEntries: [CPUMapEntry] {
    changing.withLock { _ in (0..<entries.capacity).compactMap { entries[$0] } }
  }

  /// Publishes, waits until no producer can see the old entry, then lets its worker finish.
  private func exchange(_ entry: CPUMapEntry?, at key: UInt32) {
    changing.withLock { _ in
      guard let old = entries.exchange(entry, at: Int(key)) else { return }
      datapath.quiescence.wait()
      old.stop()
      datapath.retire(old)
    }
  }

  /// Removes every entry; nobody redirects here any more.
  func removeAll() {
    for key in 0..<UInt32(capacity) { exchange(nil, at: key) }
  }

  /// Queues each frame at its entry, in order, one flush for each entry.
  ///
  /// Source: `cpu_map_enqueue()`, `kernel/bpf/cpumap.c`, which flushes after 8 frames and at the end of the poll.
  public func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    var missed = 0
    while frames.count > missed {
      let key = unsafe frames.targets[missed].key
      let hasEntry: Void? = entries.with(Int(key)) { entry in
        take(key, from: &frames, behind: missed, for: entry)
        let count = entry.enqueueScratch(&frames)
        tally.add(count, to: .redirect)
      }
      if hasEntry == nil { missed = skip(key, in: &frames, behind: missed) }
    }
  }

  /// Moves the slots of the frames for one key into the scratch, and closes the gaps.
  @inline(__always)
  private func take(
    _ key: UInt32, from frames: inout RedirectBurst, behind first: Int, for entry: CPUMapEntry
  ) {
    let descriptors = unsafe frames.descriptors
    let targets = unsafe frames.targets
    let scratch = unsafe frames.scratch
    let count = frames.count
    var taken = 0
    var left = first
    var position = first
    while position < count {
      let descriptor = unsafe descriptors[position]
      if unsafe targets[position].key == key {
        descriptor.setOwner(.ring, number: entry.key)
        unsafe scratch[taken] = Slot(descriptor).rawValue
        taken &+= 1
      } else {
        unsafe descriptors[left] = descriptor
        unsafe targets[left] = targets[position]
        left &+= 1
      }
      position &+= 1
    }
    frames.truncate(to: left)
    frames.scratchCount = taken
  }

  /// Moves the frames for a key without an entry to the front, where they stay.
  private func skip(_ key: UInt32, in frames: inout RedirectBurst, behind first: Int) -> Int {
    var end = first
    for position in first..<frames.count where unsafe frames.targets[position].key == key {
      let descriptor = unsafe frames.descriptors[position]
      let target = unsafe frames.targets[position]
      var gap = position
      while gap > end {
        unsafe frames.descriptors[gap] = frames.descriptors[gap - 1]
        unsafe frames.targets[gap] = frames.targets[gap - 1]
        gap -= 1
      }
      unsafe frames.descriptors[end] = descriptor
      unsafe frames.targets[end] = target
      end += 1
    }
    return end
  }
}

extension CPUMapEntry {
  /// Queues the slots in the scratch; those refused are in `refused` afterwards.
  ///
  /// - Returns: How many were offered: a frame that meets a full queue has left its port's ledger for ours.
  @inline(__always)
  func enqueueScratch(_ frames: inout RedirectBurst) -> Int {
    let count = frames.scratchCount
    let taken = unsafe enqueue(frames.scratch, count: count)
    if taken < count { refuse(&frames, from: taken) }
    return count
  }

  @inline(never)
  private func refuse(_ frames: inout RedirectBurst, from first: Int) {
    let base = unsafe arenaBase
    for position in first..<frames.scratchCount {
      let slot = unsafe Slot(rawValue: frames.scratch[position])
      let descriptor = unsafe Descriptor(base: base, index: slot.index)
      descriptor.owner = .receive
      descriptor.reason = DropReason.ringFull.rawValue
      frames.refused.append(Frame(owning: descriptor))
    }
  }
}
