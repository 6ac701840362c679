// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import CLinux
internal import Synchronization

/// Ids to memory models, so that a frame finds home without anybody knowing what kind of home it is.
///
/// One registry per arena. A model stays registered, and so alive, until its last buffer has come home, however
/// long ago its queue went. Ids are given out in a circle, so one is not reused while a frame may look it up.
///
/// Registering takes a lock; looking up is one load.
///
/// Source: `mem_id_ht` and `mem_id_pool`, `net/core/xdp.c`.
@safe
public final class MemoryRegistry: Sendable {
  /// The memory that the models' buffers lie in.
  public let arena: Arena
  let state: Mutex<State>

  /// The ids that are given out: 1 up to, not including, 0xFFFE.
  static let ids: Range<UInt16> = 1..<0xFFFE

  struct State {
    var nextID = MemoryRegistry.ids.lowerBound
    var used: Set<UInt16> = []
    var queues: Set<UInt16> = []
    var nextQueue: UInt16 = 1
    var nextPort: UInt32 = 1
  }

  /// Makes a registry for the models of one arena.
  public init(arena: Arena) {
    self.arena = arena
    state = Mutex(State())
  }

  /// Takes an id for a model that is being made, to go with ``register(_:)`` or ``disconnect(_:)``.
  ///
  /// - Returns: The id that the model writes into its descriptors.
  /// - Throws: ``RegistryError/noID`` when 65,533 models are registered.
  public func reserveID() throws(RegistryError) -> UInt16 {
    let id = state.withLock { $0.takeID() }
    guard let id else { throw .noID }
    return id
  }

  /// Registers a model under the id in its ``MemoryModel/memory``, and keeps it alive until ``disconnect(_:)``.
  ///
  /// - Precondition: The id was reserved and has no model yet.
  ///
  /// Source: `__xdp_reg_mem_model()`, `net/core/xdp.c`.
  @inlinable
  public func register<Model: MemoryModel>(_ model: Model) {
    connect(TypedGate(model), as: model.memory.id)
  }

  @usableFromInline
  func connect(_ gate: ModelGate, as id: UInt16) {
    // Safe: the id is ours alone until it is given back; readers see nil or a whole reference.
    let entry = unsafe MemoryRegistry.entry(id, base: arena.base)
    let word = unsafe Unmanaged.passRetained(gate).toOpaque()
    let before = unsafe entry.gate.pointee.exchange(word, ordering: .acquiringAndReleasing)
    unsafe precondition(before == nil, "The id already has a model.")
    unsafe entry.abandoned.pointee.store(0, ordering: .relaxed)
  }

  /// Forgets a model whose last buffer has come home, and lets it go.
  ///
  /// Source: `mem_allocator_disconnect()`, `net/core/xdp.c`.
  public func disconnect(_ id: UInt16) {
    let entry = unsafe MemoryRegistry.entry(id, base: arena.base)
    let gate = unsafe entry.gate.pointee.exchange(nil, ordering: .acquiringAndReleasing)
    _ = state.withLock { $0.used.remove(id) }
    // Safe: the reference was retained when the model was registered.
    if let gate = unsafe gate { unsafe Unmanaged<ModelGate>.fromOpaque(gate).release() }
  }

  /// The frames and buffers of a model that were dropped without a reason, which must stay 0.
  ///
  /// For id 0: the buffers that came back and had no model to go to.
  public func abandonedCount(of id: UInt16) -> Int {
    let entry = unsafe MemoryRegistry.entry(id, base: arena.base)
    return unsafe Int(entry.abandoned.pointee.load(ordering: .relaxed))
  }

  deinit {
    for id in state.withLock({ $0.used }) { disconnect(id) }
  }
}

/// Why the registry refused.
public enum RegistryError: Error, Equatable, CustomStringConvertible {
  /// Every id is taken: `ENOSPC`.
  case noID
  /// Every queue number is taken: `ENOSPC`.
  case noQueue
  /// A queue belongs to a port: `ENODEV`.
  case noPort
  /// The queue's kind of memory needs a registered model: `EINVAL`.
  case noModel

  /// What is exhausted or missing.
  public var description: String {
    switch self {
    case .noID: "65,533 memory models are registered; destroy one first"
    case .noQueue: "\(ReceiveQueueInfo.limit - 1) receive queues are registered"
    case .noPort: "a receive queue needs its port's number, which is 1 or more"
    case .noModel: "the memory that the queue receives into has no registered model"
    }
  }

  /// The kernel's number, positive.
  public var errno: Int32 {
    switch self {
    case .noID, .noQueue: 28
    case .noPort: 19
    case .noModel: 22
    }
  }
}

extension MemoryRegistry.State {
  /// The next free id, in a circle.
  mutating func takeID() -> UInt16? {
    let ids = MemoryRegistry.ids
    guard used.count < ids.count else { return nil }
    while used.contains(nextID) { advance() }
    let id = nextID
    used.insert(id)
    advance()
    return id
  }

  private mutating func advance() {
    let ids = MemoryRegistry.ids
    nextID = nextID + 1 < ids.upperBound ? nextID + 1 : ids.lowerBound
  }
}
