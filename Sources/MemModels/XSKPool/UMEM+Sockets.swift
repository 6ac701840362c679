// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A socket that is bound to a UMEM.
public struct UMEMSocket: Equatable, Sendable {
  /// The socket's number, open for as long as it is listed.
  public let descriptor: Int32
  /// What it was bound with.
  ///
  /// A socket that shares takes over the flags of the one it shares with, so only one that wants the same may.
  public let flags: UInt16

  /// Describes a bound socket.
  public init(descriptor: Int32, flags: UInt16) {
    self.descriptor = descriptor
    self.flags = flags
  }
}

extension UMEM {
  /// Binds a socket to this memory, sharing the kernel's registration with a socket that is already bound.
  ///
  /// Nobody else binds or leaves meanwhile, so the socket that is offered stays open.
  ///
  /// - Parameters:
  ///   - flags: What the socket is to be bound with.
  ///   - bind: Binds the socket to the registration of the socket that it is given, nil for one of its own, and
  ///     answers its number; nil when that registration cannot be shared after all.
  /// - Returns: The socket as it is listed until ``leave(_:)``; nil if `bind` never gave one.
  /// - Throws: What `bind` throws.
  ///
  /// Source: `xsk_bind()`, `net/xdp/xsk.c`.
  public func join<Failure: Error>(
    flags: UInt16, _ bind: (Int32?) throws(Failure) -> Int32?
  ) throws(Failure) -> UMEMSocket? {
    let outcome = state.withLock { state -> Result<UMEMSocket?, Failure> in
      let partners = state.sockets.filter { $0.flags == flags }.map { Optional($0.descriptor) }
      do throws(Failure) {
        for partner in partners + [nil] {
          guard let descriptor = try bind(partner) else { continue }
          let socket = UMEMSocket(descriptor: descriptor, flags: flags)
          state.sockets.append(socket)
          return .success(socket)
        }
        return .success(nil)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  /// Takes a socket that is about to be closed off the list.
  public func leave(_ socket: UMEMSocket) {
    state.withLock { state in state.sockets.removeAll { $0 == socket } }
  }

  /// The sockets that are bound to this memory now.
  public var socketCount: Int { state.withLock { $0.sockets.count } }
}
