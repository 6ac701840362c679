// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// The program of a loop or an entry, exchangeable between two bursts.
///
/// One burst is run by one version. ``replace(with:named:)`` returns when nobody runs the old one any more.
public final class ProgramSlot: Sendable {
  private let table = ReferenceTable<Installed>(capacity: 1)
  private let quiescence: Quiescence
  private let next = Mutex<UInt64>(1)

  final class Installed: @unchecked Sendable {
    // Safe: programs are called by one thread at a time, which whoever shares one among entries answers for.
    let program: any Program
    let label: ProgramLabel

    init(_ program: any Program, _ label: ProgramLabel) {
      self.program = program
      self.label = label
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
  @discardableResult
  public func replace(with program: (any Program)?, named name: String) -> UInt64 {
    next.withLock { next in
      let version = next
      next += 1
      let installed = program.map {
        Installed($0, ProgramLabel(name: name, version: version))
      }
      let old = table.exchange(installed, at: 0)
      quiescence.wait()
      _ = old
      return version
    }
  }

  /// Which program is installed; nil for none.
  public var label: ProgramLabel? { table.with(0) { $0.label } }

  /// Runs the program over a burst, inside the caller's section.
  @inline(__always)
  func run(_ burst: inout Burst) {
    let hasRun: Void? = table.with(0) { $0.program.run(&burst) }
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
