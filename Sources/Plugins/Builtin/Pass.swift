// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// Passes every packet to the stack.
public final class Pass: Program, Sendable {
  /// Makes the program.
  public init() {}

  /// Gives every packet the verdict PASS.
  public func run(_ burst: inout Burst) {
    burst.setAll(.pass)
  }
}
