// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import MemModels
internal import Rings
internal import Synchronization
internal import Syscalls
internal import XDPFrame

// The lane's other half: the calls that make the kernel send, and the chunks it gives back.
extension AFXDPQueue {
  /// Takes back what the kernel has sent; the lane's lock is held.
  ///
  /// An address is believed only if the ledger says that this queue was sending that chunk: the kernel passes on
  /// whatever stood in a transmit descriptor.
  ///
  /// Source: `xskq_prod_reserve_addr()`, `net/xdp/xsk_queue.h`, from the other side.
  func reap() {
    let ring = rings.completion
    let (first, available) = ring.peek(ring.capacity)
    guard available > 0 else { return }
    let (umem, sender, homeward) = unsafe (umem, sender, state.homeward)
    var collected = 0
    var unknown = 0
    var position: UInt32 = 0
    while position < UInt32(truncatingIfNeeded: available) {
      let address = ring[first &+ position]
      position &+= 1
      guard let chunk = umem.transmitted(address, by: sender) else {
        unknown &+= 1
        continue
      }
      // The same address may stand in the ring again: from here on it is not ours any more.
      chunk.setOwner(.completion, number: sender)
      unsafe homeward[collected] = chunk
      collected &+= 1
      if collected == Limits.budget {
        goHome(collected)
        collected = 0
      }
    }
    ring.release(available)
    goHome(collected)
    if unknown > 0 { state.tally.add(unknown, to: .invalidDescriptors) }
  }

  /// Makes the kernel send what stands in the transmit ring; the kick is counted, the lock is not held.
  ///
  /// It stops when the kernel is done or makes no progress; what is left then waits for the next kick.
  ///
  /// Source: `__xsk_generic_xmit()`, `net/xdp/xsk.c`.
  func kick() {
    let socket = state.socket
    guard socket >= 0, !usesWakeup || rings.transmit.needsWakeup else { return }
    var left = Int.max
    var stalls = 0
    while let errno = Socket.kickTransmit(socket) {
      switch errno {
      case .wouldBlock, .noBufferSpace:
        break
      case .resourceBusy:
        // The device dropped one frame, and the rest still waits.
        unsafe state.kernelRefused.pointee.add(1, ordering: .relaxed)
      default:
        // Down or gone: the health check finds out which.
        state.isSuspect = true
        state.isKickPending = true
        return
      }
      let now = outstandingAfterReaping()
      guard now > 0 else { break }
      stalls = now < left ? 0 : stalls + 1
      left = now
      if stalls > 2 {
        state.isKickPending = true
        return
      }
    }
    state.isKickPending = false
  }

  /// Says that a kick is over.
  func endKick() {
    unsafe _ = state.kicks.pointee.subtract(1, ordering: .releasing)  // (B)
  }

  /// Makes room in the completion ring and answers what still waits to be sent.
  private func outstandingAfterReaping() -> Int {
    state.lock.acquire(as: clinux_context())
    defer { state.lock.release() }
    guard state.isOpen else { return 0 }
    reap()
    return rings.transmit.outstanding
  }

  /// Kicks for what an earlier kick left behind.
  @inline(never)
  func kickAgain() {
    guard state.lock.tryAcquire(as: clinux_context()) else { return }
    let isOpen = state.isOpen
    if isOpen { unsafe state.kicks.pointee.add(1, ordering: .relaxed) }
    state.lock.release()
    guard isOpen else { return }
    kick()
    endKick()
  }

  /// Takes back what the kernel has sent unless somebody is sending, who does it himself.
  func tryReap() {
    guard state.lock.tryAcquire(as: clinux_context()) else { return }
    reap()
    state.lock.release()
  }

  /// The descriptors that the kernel has not sent or not given back yet; exact when nobody is sending.
  var isTransmitting: Bool {
    state.lock.acquire(as: clinux_context())
    defer { state.lock.release() }
    reap()
    return rings.transmit.outstanding > 0
  }
}
