// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// Drops every packet.
public final class Drop: Program, Sendable {
  /// Makes the program.
  public init() {}

  /// Gives every packet the verdict DROP.
  public func run(_ burst: inout Burst) {
    burst.setAll(.drop)
  }
}
