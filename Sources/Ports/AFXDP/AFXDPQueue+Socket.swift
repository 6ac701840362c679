// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import MemModels
internal import Synchronization
internal import Syscalls
internal import XDPFrame

// A queue's socket comes and goes with the interface; the queue, its pool and its ledger stay.
extension AFXDPQueue {
  /// Opens a socket on an interface and makes the program redirect to it; the queue's thread.
  ///
  /// The fill ring is full before the first packet is redirected.
  ///
  /// - Parameters:
  ///   - program: What redirects.
  ///   - interface: Of the calling thread's network namespace.
  ///   - options: How long the rings are, and how they are bound.
  /// - Throws: The kernel's no; nothing is left open then.
  func openSocket(
    _ program: borrowing RedirectProgram, on interface: Interface, _ options: AFXDPOptions
  ) throws(SystemCallError) {
    let queue = Int(info.queue)
    let fresh = try XSKSocket(options)
    let member = try fresh.bind(
      to: umem, interface: interface, queue: queue, flags: options.bindFlags)
    let raw = fresh.socket.raw
    open(QueueRings.Mappings(fresh), QueueRings.Capacities(options), socket: raw)
    info.interfaceIndex = interface.index
    store(fresh, member, interface.index)
    do throws(SystemCallError) {
      try socket.withLock { slot throws(SystemCallError) in
        if slot.poll == nil { slot.poll = try Epoll() }
        try slot.poll?.add(raw, for: .readable, token: 0)
      }
      try program.redirect(queue: queue, to: raw)
    } catch {
      closeSocket()
      throw error
    }
  }

  private func store(
    _ fresh: consuming XSKSocket, _ member: UMEMSocket, _ interfaceIndex: UInt32
  ) {
    var fresh: XSKSocket? = consume fresh
    socket.withLock { slot in
      if slot.isUsed { slot.past.socketsReplaced &+= 1 }
      slot.socket = fresh.take()
      slot.member = member
      slot.interfaceIndex = interfaceIndex
    }
  }

  /// Closes the socket; the queue's thread.
  ///
  /// Every chunk that the kernel held is free afterwards.
  func closeSocket() {
    guard isSocketOpen else { return }
    pool.adopt()
    let unseen = letGo()
    socket.withLock { slot in
      if let statistics = slot.socket?.statistics() {
        slot.past = slot.past + AFXDPCounters(statistics)
      }
      slot.past.unseen &+= UInt64(unseen)
      slot.isUsed = true
      if let member = slot.member {
        umem.leave(member)
        try? slot.poll?.remove(member.descriptor)
      }
      slot.member = nil
      slot.interfaceIndex = 0
      // Its end unmaps the rings, then closes the socket: from here on the kernel has nothing of ours.
      slot.socket = nil
    }
    reclaim()
  }

  /// Whether the queue has a socket.
  var isSocketOpen: Bool { state.socket >= 0 }

  /// The interface that the socket is bound to; 0 while there is none.
  var boundInterface: UInt32 { socket.withLock { $0.interfaceIndex } }

  /// What the kernel has counted for this and all former sockets.
  var counters: AFXDPCounters {
    socket.withLock { slot in
      guard let statistics = slot.socket?.statistics() else { return slot.past }
      return slot.past + AFXDPCounters(statistics)
    }
  }

  /// Whether the driver writes into our memory itself.
  var isZeroCopy: Bool { socket.withLock { $0.socket?.isZeroCopy() ?? false } }

  /// The descriptor that polls readable while packets wait, the same for every socket that the queue will have.
  var pollDescriptor: Int32? { socket.withLock { $0.poll?.descriptor.raw } }

  /// Whether the queue has a socket, and the kernel still has it bound to an interface.
  var isBound: Bool {
    socket.withLock { $0.socket?.isBound() ?? false }
  }
}

extension AFXDPOptions {
  /// What a socket is bound with.
  var bindFlags: UInt16 {
    var flags = 0
    switch mode {
    case .automatic: break
    case .copy: flags |= Int(XDP_COPY)
    case .zeroCopy: flags |= Int(XDP_ZEROCOPY)
    }
    if usesWakeup { flags |= Int(XDP_USE_NEED_WAKEUP) }
    if isMultiBuffer { flags |= Int(CLINUX_XDP_USE_SG) }
    return UInt16(flags)
  }
}
