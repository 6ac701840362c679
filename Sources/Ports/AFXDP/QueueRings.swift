// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings
internal import Syscalls

/// The four rings of a queue.
///
/// The values stay the same for the life of the queue: they refer to its control lines. While there is a socket,
/// those refer to the kernel's memory, otherwise to rings of our own that grant nothing, so that nobody has to ask.
struct QueueRings: Sendable {
  let receive: FrameDescriptorRing
  let fill: AddressRing
  let transmit: FrameDescriptorRing
  let completion: AddressRing

  /// Where rings begin that are to be taken up.
  @safe
  struct Mappings {
    // Safe: whoever makes the value keeps the memory in place until the rings are let go.
    let receive: UnsafeMutableRawPointer
    let fill: UnsafeMutableRawPointer
    let transmit: UnsafeMutableRawPointer
    let completion: UnsafeMutableRawPointer
    let offsets: xdp_mmap_offsets
  }

  /// How many descriptors each ring has.
  struct Capacities: Sendable {
    var receive = 1
    var fill = 1
    var transmit = 1
    var completion = 1

    init() {}

    init(_ options: AFXDPOptions) {
      receive = options.receiveRingCapacity
      fill = options.fillRingCapacity
      transmit = options.transmitRingCapacity
      completion = options.completionRingCapacity
    }
  }

  /// Lays out the control lines in a queue's state, on rings that are empty.
  init(_ state: QueueState) {
    // Safe: the unused ring is part of the state.
    self.init(state, QueueRings.unused(state), Capacities())
  }

  private init(_ state: QueueState, _ mappings: Mappings, _ capacities: Capacities) {
    let offsets = mappings.offsets
    unsafe receive = FrameDescriptorRing(
      initializing: state.memory, mapping: mappings.receive, offsets: offsets.rx,
      capacity: capacities.receive)
    unsafe fill = AddressRing(
      initializing: state.memory + 64, mapping: mappings.fill, offsets: offsets.fr,
      capacity: capacities.fill)
    unsafe transmit = FrameDescriptorRing(
      initializing: state.memory + 128, mapping: mappings.transmit, offsets: offsets.tx,
      capacity: capacities.transmit)
    unsafe completion = AddressRing(
      initializing: state.memory + 192, mapping: mappings.completion, offsets: offsets.cr,
      capacity: capacities.completion)
  }

  /// Takes up rings; the queue's thread, with the lane locked.
  static func open(_ state: QueueState, _ mappings: Mappings, _ capacities: Capacities) {
    _ = QueueRings(state, mappings, capacities)
  }

  /// Lets go of the rings, which may be unmapped afterwards; the queue's thread, with the lane locked.
  static func close(_ state: QueueState) {
    _ = QueueRings(state)
  }

  /// Rings of one descriptor that nobody else looks at: those that we consume are empty, those that we produce into
  /// are full, so that neither ever grants anything.
  private static func unused(_ state: QueueState) -> Mappings {
    let start = unsafe state.memory + QueueState.unusedRingsOffset
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    unsafe start.storeBytes(of: 1, as: UInt32.self)
    let full = xdp_ring_offset(producer: 0, consumer: 4, desc: 64, flags: 8)
    let empty = xdp_ring_offset(producer: 16, consumer: 20, desc: 64, flags: 24)
    return unsafe Mappings(
      receive: start, fill: start, transmit: start, completion: start,
      offsets: xdp_mmap_offsets(rx: empty, tx: full, fr: full, cr: empty))
  }
}

extension QueueRings.Mappings {
  /// The rings of a socket.
  init(_ socket: borrowing XSKSocket) {
    unsafe self.init(
      receive: socket.receive.baseAddress, fill: socket.fill.baseAddress,
      transmit: socket.transmit.baseAddress, completion: socket.completion.baseAddress,
      offsets: socket.offsets)
  }
}
