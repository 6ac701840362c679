// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Rings
import Testing
import XDPFrame

@testable import Ports

// Safe: the memory is the fake kernel's own and lives as long as it does; indices are masked.
/// The other side of a queue's four rings, in plain memory, honest or not as the test likes.
///
///     each ring: producer at 0, consumer at 64, flags at 128, descriptors from 192 on
@safe
final class FakeKernel {
  let queue: AFXDPQueue
  let registry: MemoryRegistry
  let umem: UMEM
  private let memory: UnsafeMutableRawPointer
  let capacity: Int

  private static let ringByteCount = 192 + 16 * 256
  enum Ring: Int, CaseIterable { case receive, fill, transmit, completion }

  /// Makes a queue on rings whose indices begin at `start`.
  init(
    capacity: Int = 64, chunks: Int = 256, chunkByteCount: Int = 4_096, start: UInt32 = 0
  ) throws {
    self.capacity = capacity
    registry = MemoryRegistry(arena: try Arena())
    umem = try UMEM(registry: registry, chunkCount: chunks + 64, chunkByteCount: chunkByteCount)
    let pool = try XSKPool(umem: umem, chunkCount: chunks)
    let copies = try XSKPool(umem: umem, chunkCount: 32)
    let info = try registry.registerQueue(port: 1, queue: 0, memory: pool.memory)
    queue = AFXDPQueue(info: info, pool: pool, copies: copies, usesWakeup: false)
    let byteCount = 4 * FakeKernel.ringByteCount
    unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    for ring in [Ring.receive, .fill, .transmit, .completion] {
      set(ring, producer: start)
      set(ring, consumer: start)
    }
    open()
  }

  deinit { unsafe memory.deallocate() }

  private func open() {
    let ring = xdp_ring_offset(producer: 0, consumer: 64, desc: 192, flags: 128)
    let offsets = xdp_mmap_offsets(rx: ring, tx: ring, fr: ring, cr: ring)
    var capacities = QueueRings.Capacities()
    capacities.receive = capacity
    capacities.fill = capacity
    capacities.transmit = capacity
    capacities.completion = capacity
    let mappings = unsafe QueueRings.Mappings(
      receive: start(.receive), fill: start(.fill), transmit: start(.transmit),
      completion: start(.completion), offsets: offsets)
    queue.open(mappings, capacities, socket: -1)
    queue.setLane(open: true, refusal: .portGone)
  }

  // MARK: - Raw access

  private func start(_ ring: Ring) -> UnsafeMutableRawPointer {
    unsafe memory + ring.rawValue * FakeKernel.ringByteCount
  }

  func producer(_ ring: Ring) -> UInt32 { unsafe start(ring).load(as: UInt32.self) }
  func consumer(_ ring: Ring) -> UInt32 {
    unsafe start(ring).load(fromByteOffset: 64, as: UInt32.self)
  }
  func set(_ ring: Ring, producer: UInt32) {
    unsafe start(ring).storeBytes(of: producer, as: UInt32.self)
  }
  func set(_ ring: Ring, consumer: UInt32) {
    unsafe start(ring).storeBytes(of: consumer, toByteOffset: 64, as: UInt32.self)
  }

  private func slot(_ ring: Ring, _ index: UInt32, _ byteCount: Int) -> UnsafeMutableRawPointer {
    unsafe start(ring) + 192 + Int(index & UInt32(capacity - 1)) * byteCount
  }

  // MARK: - What a kernel does

  /// Takes chunks out of the fill ring.
  func takeFilled(_ count: Int = .max) -> [UInt64] {
    var taken: [UInt64] = []
    while taken.count < count, consumer(.fill) != producer(.fill) {
      taken.append(unsafe slot(.fill, consumer(.fill), 8).load(as: UInt64.self))
      set(.fill, consumer: consumer(.fill) &+ 1)
    }
    return taken
  }

  /// Puts a descriptor into the receive ring, whatever it says.
  func deliver(_ address: UInt64, _ length: UInt32, options: UInt32 = 0) {
    let index = producer(.receive)
    unsafe slot(.receive, index, 16).storeBytes(of: address, as: UInt64.self)
    unsafe slot(.receive, index, 16).storeBytes(of: length, toByteOffset: 8, as: UInt32.self)
    unsafe slot(.receive, index, 16).storeBytes(of: options, toByteOffset: 12, as: UInt32.self)
    set(.receive, producer: index &+ 1)
  }

  /// The descriptors that the receive ring has room for.
  var receiveRoom: Int { capacity - Int(producer(.receive) &- consumer(.receive)) }

  /// Takes descriptors out of the transmit ring.
  func takeTransmitted(_ count: Int = .max) -> [FrameDescriptor] {
    var taken: [FrameDescriptor] = []
    while taken.count < count, consumer(.transmit) != producer(.transmit) {
      taken.append(unsafe slot(.transmit, consumer(.transmit), 16).load(as: FrameDescriptor.self))
      set(.transmit, consumer: consumer(.transmit) &+ 1)
    }
    return taken
  }

  /// Says that an address was sent, whatever it is.
  func complete(_ address: UInt64) {
    let index = producer(.completion)
    unsafe slot(.completion, index, 8).storeBytes(of: address, as: UInt64.self)
    set(.completion, producer: index &+ 1)
  }

  var completionRoom: Int { capacity - Int(producer(.completion) &- consumer(.completion)) }

  /// Ends the socket, and checks that every chunk came home, once.
  func finish(sourceLocation: SourceLocation = #_sourceLocation) {
    _ = queue.letGo()
    queue.reclaim()
    for pool in [queue.pool, queue.copies] {
      #expect(pool.destroy() == nil, sourceLocation: sourceLocation)
      let census = pool.census()
      #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
      #expect(census.abandoned == 0, sourceLocation: sourceLocation)
      #expect(census.doubleFree == 0, sourceLocation: sourceLocation)
    }
  }
}

extension Loop {
  /// Receives once from a queue; counts what came.
  @discardableResult
  func poll(_ queue: AFXDPQueue, budget: Int = 64) -> Int {
    queue.receive(&burst, budget: budget, tally: tally)
    tally.add(burst.count, to: .received)
    return burst.count
  }

  /// Sends what is in the bulk; refused frames are left in it.
  func transmit(_ queue: AFXDPQueue, largestPacket: UInt32 = 9_018, mayChain: Bool = true) -> Int {
    queue.transmit(&bulk, largestPacket: largestPacket, mayChain: mayChain)
  }

  /// Whether received packets are those dropped, for whatever reason, and those taken away.
  func balances(takenAway: UInt64 = 0) -> Bool {
    tally[.received] == tally.dropped + takenAway
  }
}
