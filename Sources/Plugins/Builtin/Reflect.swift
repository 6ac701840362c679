// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// Swaps the Ethernet addresses and sends every packet back out of the port it came by.
///
/// A packet too short for an Ethernet header aborts.
public final class Reflect: PacketProgram, Sendable {
  /// Makes the program.
  public init() {}

  /// Swaps destination and source.
  @inlinable
  public func run(_ packet: inout Buff) -> Verdict {
    guard packet.linearByteCount >= Limits.ethernetHeader else { return .aborted }
    // Safe: the packet has at least the 12 octets of both addresses.
    let data = unsafe packet.data
    let destination = unsafe data.loadUnaligned(as: UInt32.self)
    let destinationEnd = unsafe data.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
    let source = unsafe data.loadUnaligned(fromByteOffset: 6, as: UInt32.self)
    let sourceEnd = unsafe data.loadUnaligned(fromByteOffset: 10, as: UInt16.self)
    unsafe data.storeBytes(of: source, as: UInt32.self)
    unsafe data.storeBytes(of: sourceEnd, toByteOffset: 4, as: UInt16.self)
    unsafe data.storeBytes(of: destination, toByteOffset: 6, as: UInt32.self)
    unsafe data.storeBytes(of: destinationEnd, toByteOffset: 10, as: UInt16.self)
    return .transmit
  }
}
