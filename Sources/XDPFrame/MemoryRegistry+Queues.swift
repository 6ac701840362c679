// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Synchronization

extension MemoryRegistry {
  /// Takes the next port number of the datapath, 1 or more.
  public func takePortNumber() -> UInt32 {
    state.withLock { state in
      defer { state.nextPort += 1 }
      return state.nextPort
    }
  }

  /// Registers a receive queue.
  ///
  /// - Parameters:
  ///   - port: The port's number, 1 or more.
  ///   - queue: The queue's index within the port.
  ///   - interfaceIndex: The kernel's index, 0 for a port that is no interface.
  ///   - memory: The registered model that the queue receives into. Kinds whose buffers need none,
  ///     ``MemoryKind/sharedPage`` and ``MemoryKind/singlePage``, may come without: id 0.
  ///   - fragmentByteCount: Octets of a fragment's buffer; 0 means that fragments may not grow.
  /// - Returns: The queue, until it is unregistered.
  /// - Throws: ``RegistryError/noPort``, ``RegistryError/noModel`` or ``RegistryError/noQueue``, in this order. Nothing
  ///   was registered then.
  ///
  /// Source: `__xdp_rxq_info_reg()` and `xdp_rxq_info_reg_mem_model()`, `net/core/xdp.c`.
  public func registerQueue(
    port: UInt32, queue: UInt32, interfaceIndex: UInt32 = 0, memory: MemoryInfo,
    fragmentByteCount: UInt32 = 0
  ) throws(RegistryError) -> ReceiveQueueInfo {
    guard port != 0 else { throw .noPort }
    guard hasHome(memory) else { throw .noModel }
    let number = state.withLock { $0.takeQueue() }
    guard let number else { throw .noQueue }
    // Safe: the number is ours until it is unregistered.
    let info = unsafe ReceiveQueueInfo(base: arena.base, number: number)
    unsafe info.field(0).pointee = port
    unsafe info.field(4).pointee = interfaceIndex
    unsafe info.field(8).pointee = queue
    unsafe info.field(12).pointee = 1
    unsafe info.field(16).pointee = UInt32(memory.kind.rawValue) | UInt32(memory.id) << 16
    unsafe info.field(20).pointee = UInt32(number)
    unsafe info.field(24).pointee = fragmentByteCount
    return info
  }

  /// Unregisters a receive queue.
  ///
  /// Frames that arrived by it keep its number, so it is not reused soon.
  ///
  /// - Precondition: It is registered.
  ///
  /// Source: `xdp_rxq_info_unreg()`, `net/core/xdp.c`.
  public func unregisterQueue(_ queue: ReceiveQueueInfo) {
    unsafe precondition(queue.field(12).pointee == 1, "Only a registered queue is unregistered.")
    unsafe queue.field(12).pointee = 2
    _ = state.withLock { $0.queues.remove(queue.number) }
  }
}

extension MemoryRegistry {
  /// Whether buffers of that memory would find home, or need none.
  private func hasHome(_ memory: MemoryInfo) -> Bool {
    if memory.id == 0 { return memory.kind == .sharedPage || memory.kind == .singlePage }
    let entry = unsafe MemoryRegistry.entry(memory.id, base: arena.base)
    return unsafe entry.gate.pointee.load(ordering: .relaxed) != nil
  }
}

extension MemoryRegistry.State {
  mutating func takeQueue() -> UInt16? {
    let limit = UInt16(ReceiveQueueInfo.limit)
    guard queues.count < Int(limit) - 1 else { return nil }
    while queues.contains(nextQueue) { nextQueue = nextQueue % (limit - 1) + 1 }
    defer { nextQueue = nextQueue % (limit - 1) + 1 }
    queues.insert(nextQueue)
    return nextQueue
  }
}
