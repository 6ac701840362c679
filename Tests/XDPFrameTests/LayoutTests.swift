// SPDX-License-Identifier: Apache-2.0

import Arena
import Testing
import XDPFrame

/// Sizes and offsets: those that other languages, other processes and the kernel rely on.
@Suite struct LayoutTests {
  @Test func handlesAreOneWord() {
    #expect(MemoryLayout<Frame>.size == 8)
    #expect(MemoryLayout<Frame?>.size == 8)
    #expect(MemoryLayout<Storage>.size == 8)
    #expect(MemoryLayout<Storage?>.size == 8)
    #expect(MemoryLayout<Descriptor>.size == 8)
    #expect(MemoryLayout<Slot>.size == 8)
    #expect(MemoryLayout<SharedInfo>.size == 8)
    #expect(MemoryLayout<RedirectTarget>.size == 8)
    #expect(MemoryLayout<MemoryInfo>.size == 4)
    #expect(MemoryLayout<Verdict>.size == 4)
  }

  @Test func aBuffHas56OctetsAndAFragment16() {
    #expect(MemoryLayout<Buff>.size == 56)
    #expect(MemoryLayout<Buff>.stride == 56)
    #expect(MemoryLayout<Fragment>.size == 16)
    #expect(MemoryLayout<Fragment>.stride == 16)
  }

  @Test func aBuffLiesAsTheKernelsDoes() throws {
    let fixture = try Fixture()
    var burst = Burst()
    burst.append(
      owning: try fixture.storage().take(), queue: fixture.queue, headroom: 256, byteCount: 100)
    _ = burst[0].redirect(to: RedirectTarget(map: 0x1234, key: 0x5678_9ABC, onMiss: .pass))
    let raw = unsafe UnsafeRawPointer(burst.packets)
    let words = (0..<7).map { unsafe raw.load(fromByteOffset: 8 * $0, as: UInt.self) }
    let start = unsafe UInt(bitPattern: burst[0].hardStart)
    #expect(words[0] == start + 256)
    #expect(words[1] == start + 356)
    #expect(words[2] == start + 256)
    #expect(words[3] == start)
    #expect(words[4] & AddressMap.offsetMask < AddressMap.tablesByteCount)
    #expect(words[5] == 0x5678_9ABC_0002_1234)
    #expect(words[6] == 4_096)
    burst.takeAnyway(at: 0).recycle(.shutdown)
    burst.removeAll()
    #expect(fixture.model.isWhole)
  }

  @Test func everyGranuleHasALineOf64OctetsAndBackAgain() throws {
    let arena = try Arena()
    let segment = try arena.addSegment(byteCount: 1 << 20)
    for granule in 0..<512 {
      let address = unsafe segment.address + granule * Limits.granule
      let descriptor = unsafe Descriptor(holding: address)
      unsafe #expect(Descriptor(holding: address + Limits.granule - 1) == descriptor)
      #expect(descriptor.index == UInt32(Int(segment.offset) / 2_048 + granule))
      #expect(descriptor.offset == UInt64(descriptor.index) * 64)
      unsafe #expect(descriptor.hardStart == address)
      unsafe #expect(descriptor.base == arena.base)
      unsafe #expect(Descriptor(base: arena.base, index: descriptor.index) == descriptor)
      unsafe #expect(Descriptor(base: arena.base, offset: Int(descriptor.offset)) == descriptor)
    }
  }

  @Test func theTablesOfDescriptorsAndQueuesFitInFrontOfTheBlocks() {
    let descriptors = UInt(Descriptor.limit) * 64
    let queues = UInt(ReceiveQueueInfo.limit) * 64
    #expect(UInt(Descriptor.limit) * UInt(Limits.granule) == AddressMap.arenaByteCount)
    #expect(descriptors + queues <= AddressMap.tablesByteCount)
  }

  @Test func limitsAreDerivedFromTheSameFewNumbers() {
    #expect(Limits.linear == 3_520)
    #expect(Limits.packet == 73_152)
    #expect(Limits.sharedInfo == 48 + Limits.fragments * MemoryLayout<Fragment>.stride)
    #expect(Limits.headroom - Limits.frameHeader == 216)
    #expect(Limits.metadata % 4 == 0 && Limits.metadata < 256)
    #expect(Limits.page == 2 * Limits.granule)
    #expect(FrameBulk.capacity == Limits.budget)
    #expect(Limits.ethernetHeader == 14)
  }
}

/// The same against the running kernel.
@Suite(.enabled(if: KernelTypes.isAvailable, "this kernel does not describe its types"))
struct KernelLayoutTests {
  private let types: KernelTypes

  init() throws {
    types = try #require(KernelTypes())
  }

  @Test func theBuffIsTheKernels() throws {
    let kernel = try #require(types.structure("xdp_buff"))
    #expect(kernel.byteCount == MemoryLayout<Buff>.size)
    let ours = [
      "data": 0, "data_end": 8, "data_meta": 16, "data_hard_start": 24, "rxq": 32,
      "frame_sz": 48, "flags": 52,
    ]
    for (name, offset) in ours { #expect(kernel.offsets[name] == offset, "\(name)") }
    // Ours has the redirect's target there.
    #expect(kernel.offsets["txq"] == 40)
  }

  @Test func theSharedInfoIsTheKernels() throws {
    let kernel = try #require(types.structure("skb_shared_info"))
    #expect((kernel.byteCount + 63) & ~63 == Limits.sharedInfo)
    #expect(kernel.offsets["nr_frags"] == 2)
    #expect(kernel.offsets["xdp_frags_size"] == 40)
    #expect(kernel.offsets["xdp_frags_truesize"] == 44)
    let list = try #require(kernel.offsets["frags"])
    #expect(list == 48)
    let fragment = try #require(types.structure("skb_frag"))
    #expect(fragment.byteCount == MemoryLayout<Fragment>.size)
    #expect(fragment.offsets["len"] == 8)
    #expect(fragment.offsets["offset"] == 12)
    #expect((kernel.byteCount - list) / fragment.byteCount == Limits.fragments)
  }

  @Test func theFrameHeaderTakesTheKernelsOctets() throws {
    #expect(types.structure("xdp_frame")?.byteCount == Limits.frameHeader)
  }

  @Test func theQueueLineHasTheKernelsOrder() throws {
    let kernel = try #require(types.structure("xdp_rxq_info"))
    #expect(kernel.byteCount == 64)
    let ours = ["queue_index": 8, "reg_state": 12, "mem": 16, "frag_size": 24]
    for (name, offset) in ours { #expect(kernel.offsets[name] == offset, "\(name)") }
  }

  @Test func theNumbersAreTheKernels() {
    #expect(types.value("XDP_ABORTED") == Int(Verdict.aborted.rawValue))
    #expect(types.value("XDP_DROP") == Int(Verdict.drop.rawValue))
    #expect(types.value("XDP_PASS") == Int(Verdict.pass.rawValue))
    #expect(types.value("XDP_TX") == Int(Verdict.transmit.rawValue))
    #expect(types.value("XDP_REDIRECT") == Int(Verdict.redirect.rawValue))
    #expect(types.value("MEM_TYPE_PAGE_SHARED") == Int(MemoryKind.sharedPage.rawValue))
    #expect(types.value("MEM_TYPE_PAGE_ORDER0") == Int(MemoryKind.singlePage.rawValue))
    #expect(types.value("MEM_TYPE_PAGE_POOL") == Int(MemoryKind.pagePool.rawValue))
    #expect(types.value("MEM_TYPE_XSK_BUFF_POOL") == Int(MemoryKind.xskPool.rawValue))
    #expect(types.value("MEM_TYPE_MAX") == Int(MemoryKind.firstPlugin.rawValue))
    #expect(types.value("XDP_FLAGS_HAS_FRAGS") == Int(PacketFlags.hasFragments.rawValue))
    #expect(
      types.value("XDP_FLAGS_FRAGS_PF_MEMALLOC") == Int(PacketFlags.memoryReserve.rawValue))
  }
}
