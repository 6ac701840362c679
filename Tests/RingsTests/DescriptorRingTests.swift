// SPDX-License-Identifier: Apache-2.0

import CLinux
import Rings
import Synchronization
import Testing

/// A ring as AF_XDP maps it, and the kernel's side of it, played by the test.
private struct Shared {
  static let capacity = 64
  static let mapped = 320 + capacity * 16
  let memory = RingMemory(byteCount: 64 + mapped)

  /// The other side's producer and consumer.
  var producer: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (memory.address + 64).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
  var consumer: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (memory.address + 64 + 128).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  func ring<Element: BitwiseCopyable>(of: Element.Type, start: UInt32) -> DescriptorRing<Element> {
    unsafe producer.pointee.store(start, ordering: .relaxed)
    unsafe consumer.pointee.store(start, ordering: .relaxed)
    unsafe memory.address.storeBytes(of: 0, toByteOffset: 64 + 196, as: UInt32.self)
    let offsets = xdp_ring_offset(producer: 0, consumer: 128, desc: 320, flags: 196)
    return unsafe DescriptorRing(
      initializing: memory.address, mapping: memory.address + 64, offsets: offsets,
      capacity: Shared.capacity)
  }
}

@Suite struct DescriptorRingTests {
  @Test(arguments: [0, 0xffff_fff0] as [UInt32])
  func aProducerGetsWhatIsFreeAndTheOtherSideSeesWhatWasSubmitted(start: UInt32) {
    let shared = Shared()
    let ring: AddressRing = shared.ring(of: UInt64.self, start: start)
    let (first, granted) = ring.reserve(100)
    #expect(granted == 64)
    for position in 0..<UInt32(40) { ring[first &+ position] = UInt64(position) * 4_096 }
    #expect(unsafe shared.producer.pointee.load(ordering: .acquiring) == start)
    ring.submit(40)
    #expect(unsafe shared.producer.pointee.load(ordering: .acquiring) == start &+ 40)
    #expect(ring.reserve(64).granted == 24)
    unsafe shared.consumer.pointee.store(start &+ 10, ordering: .releasing)
    #expect(ring.reserve(64).granted == 34)
    #expect(ring.outstanding == 30)
  }

  @Test(arguments: [0, 0xffff_fff0] as [UInt32])
  func aConsumerSeesWhatTheOtherSideProduced(start: UInt32) {
    let shared = Shared()
    let ring: FrameDescriptorRing = shared.ring(of: FrameDescriptor.self, start: start)
    #expect(ring.peek(64).available == 0)
    for position in 0..<UInt32(5) {
      ring[start &+ position] = FrameDescriptor(
        address: UInt64(position) << 12, length: 60, continues: position == 2)
    }
    unsafe shared.producer.pointee.store(start &+ 5, ordering: .releasing)
    let (first, available) = ring.peek(3)
    #expect(available == 3)
    #expect(ring[first &+ 2] == FrameDescriptor(address: 0x2000, length: 60, continues: true))
    ring.release(3)
    #expect(unsafe shared.consumer.pointee.load(ordering: .acquiring) == start &+ 3)
    #expect(ring.peek(64).available == 2)
  }

  @Test func anIndexThatCannotBeIsNoticedAndNotFollowed() {
    let shared = Shared()
    let receive: FrameDescriptorRing = shared.ring(of: FrameDescriptor.self, start: 7)
    unsafe shared.producer.pointee.store(7 &+ 65, ordering: .releasing)
    #expect(receive.peek(64).available == 0)
    #expect(receive.isCorrupt)
    let other = Shared()
    let fill: AddressRing = other.ring(of: UInt64.self, start: 7)
    _ = fill.reserve(64)
    fill.submit(64)
    unsafe other.consumer.pointee.store(7 &- 1, ordering: .releasing)
    #expect(fill.reserve(1).granted == 0)
    #expect(fill.isCorrupt)
  }
}
