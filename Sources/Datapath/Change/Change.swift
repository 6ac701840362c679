// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// Changes of entries, programs and routes that every packet meets all of, or none.
///
/// What may fail fails while the change is put together. ``apply()`` then holds the receive loops between two bursts
/// for as long as it takes to write some pointers, and lets them go on; the entries that are replaced or removed empty
/// their queues, and no new entry begins before the last of them has. So a flow that steering moves from one entry to
/// another keeps its order, and what arrives meanwhile waits in the new queues.
///
/// Used by one thread, never from within a program's run. Dropped without being applied it changes nothing.
///
/// Source: the kernel has nothing like it; each `cpu_map_update_elem()` stands for itself there.
public struct Change: ~Copyable {
  private let datapath: Datapath
  private var entries: [(key: UInt32, entry: CPUMapEntry?)] = []
  private var programs: [(slot: ProgramSlot, program: (any Program)?, name: String)] = []
  private var devices: [(key: UInt32, port: (any Port)?)] = []
  private var passPort: (any Port)??

  /// The longest that loops are waited for, in nanoseconds: a burst takes microseconds.
  private static let longestHold: UInt64 = 1_000_000_000

  /// Begins a change.
  public init(of datapath: Datapath) { self.datapath = datapath }

  deinit {
    for change in entries { change.entry?.stop() }
  }

  /// Adds or replaces an entry of the CPU map.
  ///
  /// - Throws: ``MapError``, as ``CPUMap/update(_:_:rule:)`` does.
  public mutating func update(_ key: UInt32, _ value: CPUMap.Value) throws(MapError) {
    entries.append((key, try datapath.cpuMap.prepare(key, value)))
  }

  /// Removes an entry of the CPU map; a key without one is no error.
  ///
  /// - Throws: ``MapError``: `EINVAL` for a key that is not in the map.
  public mutating func remove(_ key: UInt32) throws(MapError) {
    guard key < datapath.cpuMap.capacity else { throw MapError(.invalid, "key \(key)") }
    entries.append((key, nil))
  }

  /// Replaces the program of a loop.
  ///
  /// - Throws: ``MapError``, as ``ProgramSlot/replace(with:named:)`` does.
  public mutating func replaceProgram(
    of loop: LoopThread, with program: (any Program & Sendable)?, named name: String
  ) throws(MapError) {
    if let program { try loop.program.check(program, named: name) }
    programs.append((loop.program, program, name))
  }

  /// Leads a key of the device map to a port, or nowhere.
  ///
  /// - Throws: ``MapError``: `E2BIG` for a key beyond the map.
  public mutating func redirect(_ key: UInt32, to port: (any Port)?) throws(MapError) {
    guard key < datapath.devMap.capacity else { throw MapError(.tooBig, "key \(key)") }
    devices.append((key, port))
  }

  /// Names the port that takes what is passed; nil drops it as `pass_unconfigured`.
  public mutating func setPassPort(_ port: (any Port)?) { passPort = .some(port) }

  /// Makes the change, and waits until nothing is left of what it replaced.
  ///
  /// - Throws: ``MapError``: `ETIMEDOUT` where a loop has been in one burst for a second; nothing has changed then.
  public consuming func apply() throws(MapError) {
    let (datapath, programs, devices, passPort) = (datapath, programs, devices, passPort)
    let isDone = datapath.cpuMap.exchange(entries, holdingUpTo: Change.longestHold) {
      var old = programs.compactMap { $0.slot.exchange(with: $0.program, named: $0.name) }
      old += devices.compactMap { datapath.devMap.publish($0.port, at: $0.key) }
      if let passPort, let port = datapath.exchangePassPort(passPort) { old.append(port) }
      return old
    }
    guard isDone else {
      throw MapError(.timedOut, "a program of a port has not come out of its burst for a second")
    }
    // They are the map's now.
    entries = []
  }
}
