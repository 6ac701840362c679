// SPDX-License-Identifier: Apache-2.0

internal import EBPF
internal import XDPFrame

/// What helpers find of the packet that a program is looking at; one per ``BPFProgram``, outside the arena.
///
/// Beside it, in the arena, lies what the program sees of it, the kernel's `struct xdp_md`:
///
///      0 data u32 · 4 data_end u32 · 8 data_meta u32 · 12 ingress_ifindex u32 · 16 rx_queue_index u32
///     20 egress_ifindex u32
///
/// The program may overwrite those words, and only fools itself: helpers go by ``packet``.
///
/// Source: `struct xdp_md`, `include/uapi/linux/bpf.h`.
@safe
struct PacketState {
  // Safe: set for the duration of a run, in which the burst keeps the packet where it is.
  var packet: UnsafeMutablePointer<Buff>?
  /// What the program sees, as the host's address.
  let view: UnsafeMutableRawPointer
  var routes = RedirectRoutes()
  /// What `bpf_fib_lookup()` goes by.
  var forwarding: ForwardingTable?

  init(view: UnsafeMutableRawPointer) { unsafe self.view = unsafe view }

  /// Shows the program where the packet begins and ends.
  ///
  /// The low 32 bits of an address in the arena are its offset in the window.
  @inline(__always)
  static func showBorders(of packet: borrowing Buff, in view: UnsafeMutableRawPointer) {
    let start = UInt32(truncatingIfNeeded: UInt(bitPattern: unsafe packet.data))
    let end = UInt32(truncatingIfNeeded: UInt(bitPattern: unsafe packet.dataEnd))
    unsafe view.storeBytes(of: start, as: UInt32.self)
    unsafe view.storeBytes(of: end, toByteOffset: 4, as: UInt32.self)
    unsafe view.storeBytes(
      of: start &- UInt32(truncatingIfNeeded: packet.metadataByteCount), toByteOffset: 8,
      as: UInt32.self)
  }

  /// Shows the program where the packet came from.
  @inline(__always)
  static func showOrigin(of packet: borrowing Buff, in view: UnsafeMutableRawPointer) {
    unsafe view.storeBytes(of: packet.queue.interfaceIndex, toByteOffset: 12, as: UInt32.self)
    unsafe view.storeBytes(of: packet.queue.queue, toByteOffset: 16, as: UInt32.self)
    unsafe view.storeBytes(of: 0, toByteOffset: 20, as: UInt32.self)
  }
}
