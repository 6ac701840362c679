// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// A program as loops run it: behind one reference, with what they must know of it beside it.
final class InstalledProgram: @unchecked Sendable {
  // Safe: programs are called by one thread at a time, which whoever shares one among entries answers for.
  private let program: any Program
  private let acceptsFragments: Bool

  init(_ program: any Program) {
    self.program = program
    acceptsFragments = program.acceptsFragments
  }

  /// Runs the program over a burst.
  ///
  /// A packet that the program forgets is aborted, not given the verdict of the packet that stood there before. One
  /// with fragments, where the program accepts none, is not shown to it: drivers drop such a packet, too.
  ///
  /// - Returns: How many packets have a verdict; those behind them have fragments.
  ///
  /// Source: `receive_mergeable_xdp()`, `drivers/net/virtio_net.c`.
  @inline(__always)
  func run(_ burst: inout Burst) -> Int {
    burst.setAll(.aborted)
    guard acceptsFragments else { return burst.showWithoutFragments { program.run(&$0) } }
    program.run(&burst)
    return burst.count
  }
}
