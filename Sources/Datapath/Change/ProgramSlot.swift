// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// The program of a loop or an entry, exchangeable between two bursts.
///
/// One burst is run by one version. ``replace(with:named:)`` returns when nobody runs the old one any more.
public final class ProgramSlot: Sendable {
  private let table = ReferenceTable<InstalledProgram>(capacity: 1)
  private let quiescence: Quiescence
  private let rule: FragmentRule
  /// The versions given out; held by whoever changes the program, for as long as a burst may take.
  private let changing = Mutex<UInt64>(0)
  /// Read by anybody at any time, so never held for long.
  private let current = Mutex<ProgramLabel?>(nil)

  /// Makes a slot that may be empty, and takes any program: an empty one passes every packet.
  public init(_ program: (any Program)?, named name: String, in quiescence: Quiescence) {
    self.quiescence = quiescence
    rule = .none
    if program != nil { install(program, named: name) }
  }

  /// Makes a slot that takes the programs which a rule lets pass.
  init(
    _ program: (any Program)?, named name: String, in quiescence: Quiescence, rule: FragmentRule
  ) throws(MapError) {
    if let program { try rule.check(program, named: name) }
    self.quiescence = quiescence
    self.rule = rule
    if program != nil { install(program, named: name) }
  }

  /// Installs a program, or none, and waits until nobody runs the old one.
  ///
  /// - Returns: The new version, counted from 1.
  /// - Throws: ``MapError`` for a program that does not accept fragments where it would meet some: `ERANGE` at a port,
  ///   and in a map, where all programs must agree, what ``CPUMap/update(_:_:rule:)`` answers. Nothing has changed then.
  ///
  /// Source: `bpf_prog_put()` behind `call_rcu()`; here the caller waits, so that the old program is free to go.
  @discardableResult
  public func replace(
    with program: (any Program)?, named name: String
  ) throws(MapError) -> UInt64 {
    if let program { try check(program, named: name) }
    return install(program, named: name)
  }

  @discardableResult
  private func install(_ program: (any Program)?, named name: String) -> UInt64 {
    changing.withLock { version in
      let old = exchange(program, named: name, &version)
      // Where there was none nobody runs it: a program that hangs elsewhere must not keep a new entry from its own.
      if old != nil { quiescence.wait() }
      return version
    }
  }

  /// Refuses a program that the slot does not take.
  func check(_ program: any Program, named name: String) throws(MapError) {
    try rule.check(program, named: name)
  }

  /// Installs a program that was checked, or none, without waiting.
  ///
  /// - Returns: The old one, which the caller keeps until nobody runs it any more.
  func exchange(with program: (any Program)?, named name: String) -> AnyObject? {
    changing.withLock { exchange(program, named: name, &$0) }
  }

  private func exchange(
    _ program: (any Program)?, named name: String, _ version: inout UInt64
  ) -> InstalledProgram? {
    version += 1
    let label = program.map { _ in ProgramLabel(name: name, version: version) }
    let old = table.exchange(program.map { InstalledProgram($0) }, at: 0)
    current.withLock { $0 = label }
    return old
  }

  /// Which program is installed; nil for none.
  public var label: ProgramLabel? { current.withLock { $0 } }

  /// Runs the program over a burst, inside the caller's section.
  ///
  /// - Returns: How many packets have a verdict; those behind them have fragments, which the program does not accept.
  @inline(__always)
  func run(_ burst: inout Burst) -> Int {
    if let decided = table.reader.with(0, { $0.run(&burst) }) { return decided }
    burst.setAll(.pass)
    return burst.count
  }
}

/// Which program is installed, and which version of it.
public struct ProgramLabel: Equatable, Sendable {
  /// The name the operator gave it.
  public let name: String
  /// Counted from 1 at every exchange.
  public let version: UInt64

  /// Names a version of a program.
  public init(name: String, version: UInt64) {
    self.name = name
    self.version = version
  }
}
