// SPDX-License-Identifier: Apache-2.0

/// Who decides: looks at packets and gives each a verdict.
///
/// Called once per burst, by one thread at a time. A program may change packets within their room; it never keeps
/// one past the call.
public protocol Program: AnyObject {
  /// Whether the program accepts packets with fragments, as one in an `xdp.frags` section does.
  var acceptsFragments: Bool { get }

  /// Gives each packet of the burst a verdict.
  func run(_ burst: inout Burst)
}

extension Program {
  /// Programs accept fragments unless they say otherwise.
  public var acceptsFragments: Bool { true }
}

/// A program that looks at one packet at a time: the easy way to write one.
///
/// Conform a `final class`, write the one method, and it is a ``Program``; the loop over the burst is generated
/// around it and inlined, so nothing is lost.
public protocol PacketProgram: Program {
  /// The verdict on one packet.
  func run(_ packet: inout Buff) -> Verdict
}

extension PacketProgram {
  /// Runs the packets one by one.
  @inlinable
  @inline(__always)
  public func run(_ burst: inout Burst) {
    var position = 0
    let count = burst.count
    while position < count {
      // Safe: the position is below the burst's count.
      unsafe burst.verdicts[position] = unsafe run(&burst.packets[position])
      position &+= 1
    }
  }
}
