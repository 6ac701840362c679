// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// The program of a loop or an entry, exchangeable between two bursts.
///
/// One burst is run by one version. ``replace(with:named:)`` returns when nobody runs the old one any more.
public final class ProgramSlot: Sendable {
  private let table = ReferenceTable<Installed>(capacity: 1)
  private let quiescence: Quiescence
  /// The versions given out; held by whoever changes the program, for as long as a burst may take.
  private let changing = Mutex<UInt64>(0)
  /// Read by anybody at any time, so never held for long.
  private let current = Mutex<ProgramLabel?>(nil)

  private final class Installed: @unchecked Sendable {
    // Safe: programs are called by one thread at a time, which whoever shares one among entries answers for.
    let program: any Program

    init(_ program: any Program) {
      self.program = program
    }
  }

  /// Makes a slot that may be empty: an empty one passes every packet.
  public init(_ program: (any Program)?, named name: String, in quiescence: Quiescence) {
    self.quiescence = quiescence
    if program != nil { replace(with: program, named: name) }
  }

  /// Installs a program, or none, and waits until nobody runs the old one.
  ///
  /// - Returns: The new version, counted from 1.
  ///
  /// Source: `bpf_prog_put()` behind `call_rcu()`; here the caller waits, so that the old program is free to go.
  @discardableResult
  public func replace(with program: (any Program)?, named name: String) -> UInt64 {
    changing.withLock { version in
      let old = exchange(program, named: name, &version)
      // Where there was none nobody runs it: a program that hangs elsewhere must not keep a new entry from its own.
      if old != nil { quiescence.wait() }
      return version
    }
  }

  /// Installs a program, or none, without waiting.
  ///
  /// - Returns: The old one, which the caller keeps until nobody runs it any more.
  func exchange(with program: (any Program)?, named name: String) -> AnyObject? {
    changing.withLock { exchange(program, named: name, &$0) }
  }

  private func exchange(
    _ program: (any Program)?, named name: String, _ version: inout UInt64
  ) -> Installed? {
    version += 1
    let label = program.map { _ in ProgramLabel(name: name, version: version) }
    let old = table.exchange(program.map { Installed($0) }, at: 0)
    current.withLock { $0 = label }
    return old
  }

  /// Which program is installed; nil for none.
  public var label: ProgramLabel? { current.withLock { $0 } }

  /// Runs the program over a burst, inside the caller's section.
  ///
  /// A packet that the program forgets is aborted, not given the verdict of the packet that stood there before.
  @inline(__always)
  func run(_ burst: inout Burst) {
    burst.setAll(.aborted)
    let hasRun: Void? = table.reader.with(0) { $0.program.run(&burst) }
    if hasRun == nil { burst.setAll(.pass) }
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
