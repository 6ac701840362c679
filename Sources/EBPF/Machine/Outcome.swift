// SPDX-License-Identifier: Apache-2.0

/// Why a program was stopped before its end.
@frozen
public enum Fault: UInt32, Sendable, CaseIterable {
  /// It was not.
  case none = 0
  /// It accessed a hole of the arena.
  case memory = 1
  /// It ran out of fuel.
  case fuel = 2
  /// Functions were nested deeper than eight frames.
  case callDepth = 3
  /// It called, by register, something that is no helper and no function.
  case badCall = 4
  /// A helper stopped it.
  case helper = 5
  /// Not a fault: another program takes its place; see ``RunContext/replaceProgram(by:)``.
  case tailCall = 6
}

/// How a run ended.
@frozen
public struct Outcome: Equatable, Sendable {
  /// What the program left in r0; 0, which is `XDP_ABORTED`, if it was stopped.
  public var value: UInt64
  /// Why it was stopped.
  public var fault: Fault

  /// Describes the end of a run.
  @inlinable
  public init(value: UInt64, fault: Fault = .none) {
    self.value = value
    self.fault = fault
  }
}

/// What runs the instructions.
public enum Engine: String, Sendable, CaseIterable {
  /// One instruction at a time, in Swift; the reference.
  case interpreter
  /// Machine code, generated when the program is prepared.
  case jit
}
