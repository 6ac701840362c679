// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CPluginABI
internal import Synchronization
public import XDPFrame

/// A memory model out of a plugin: the plugin brings the memory and decides which buffer is handed out next.
///
/// The plugin speaks of buffers by number. The ledger stays here: a buffer that the plugin hands out although it is
/// not free is refused and counted in ``faultCount``, one that comes home twice never reaches the plugin. Its memory
/// is mapped into the arena, so a buffer's address, offset and descriptor follow from its number.
///
/// Any thread may allocate and recycle: a lock keeps the plugin's functions apart. It is held for one call, which
/// moves up to 64 buffers. Lives until ``destroy()`` has seen the last buffer home; then `fini` runs.
@safe
public final class PluginMemoryModel: MemoryModel, @unchecked Sendable {
  // Safe: the table is a constant, the state is passed on under the lock, the segment is kept by this object.
  private let table: UnsafePointer<xdpf_memory_model>
  private let state: UnsafeMutableRawPointer?
  private let registry: MemoryRegistry
  private let buffers: PluginBuffers
  private let books = Mutex(Books())
  /// The plugin.
  public let plugin: Plugin
  /// The kind that the plugin gives itself, 4 or more, and the registry's id.
  public let memory: MemoryInfo

  private struct Books {
    var isClosed = false
    var isGone = false
    var outstanding = 0
    var doubleFrees = 0
    var faults = 0
    var recycleCalls = 0
  }

  /// Makes a model of a plugin.
  ///
  /// - Parameters:
  ///   - plugin: Loaded.
  ///   - registry: Where frames find the model.
  ///   - bufferCount: The buffers wanted, 1...1048576; the plugin may make it more or fewer.
  ///   - arguments: The text for the plugin's `init`; a zero octet ends it.
  /// - Throws: ``PluginError`` where the plugin has no memory model, its `init` refuses, or what it brings cannot be
  ///   mapped; `fini` has ended it then.
  public init(
    _ plugin: Plugin, registry: MemoryRegistry, bufferCount: Int, arguments: String = ""
  ) throws(PluginError) {
    guard let table = unsafe plugin.memoryModel else {
      throw PluginError(plugin.path, .lacks("memory model"))
    }
    var brought = xdpf_memory(
      struct_size: UInt32(MemoryLayout<xdpf_memory>.size), file: -1,
      buffer_size: UInt32(Limits.page), buffer_count: UInt32(clamping: bufferCount))
    var state: UnsafeMutableRawPointer?
    let code = unsafe table.pointee.`init`(arguments, &brought, &state)
    guard code == 0 else {
      PluginBuffers.close(brought)
      throw PluginError(plugin.path, .initRefused(code))
    }
    let isReadable = unsafe table.pointee.flags & XDPF_MEMORY_UNREADABLE == 0
    do {
      buffers = try PluginBuffers(brought, isReadable: isReadable, in: registry.arena, of: plugin)
      memory = MemoryInfo(
        kind: MemoryKind(rawValue: unsafe UInt16(truncatingIfNeeded: table.pointee.kind)),
        id: try registry.reserveID())
    } catch {
      unsafe table.pointee.fini(state)
      throw error as? PluginError ?? PluginError(plugin.path, .memory("\(error)"))
    }
    unsafe self.table = unsafe table
    unsafe self.state = unsafe state
    self.registry = registry
    self.plugin = plugin
    buffers.describe(memory)
    registry.register(self)
  }

  deinit {
    unsafe table.pointee.fini(state)
  }

  /// Octets in front of a packet in a fresh buffer; 0 where the CPU may not read it.
  public var headroom: Int { buffers.isReadable ? Limits.headroom : 0 }

  /// Octets of a packet that one buffer holds, or of a fragment where the CPU may not read it.
  public var linearByteCount: Int {
    buffers.isReadable
      ? buffers.byteCount - Limits.headroom - Limits.sharedInfo : buffers.byteCount
  }

  /// Octets of one buffer.
  public var bufferByteCount: Int { buffers.byteCount }

  /// Whether the CPU may read the buffers; others can be fragments only.
  public var isReadable: Bool { buffers.isReadable }

  /// The buffers that are not home.
  public var outstanding: Int { books.withLock { $0.outstanding } }

  /// How often the plugin handed out what was not its to hand out.
  public var faultCount: Int { books.withLock { $0.faults } }

  /// How often the plugin was called to take buffers back.
  public var recycleCallCount: Int { books.withLock { $0.recycleCalls } }
}

extension PluginMemoryModel {
  /// Takes up to `count` buffers; any thread.
  public func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    var taken = 0
    while taken < count {
      let wanted = min(count &- taken, Limits.budget)
      let piece = unsafe allocatePiece(into: storage + taken, count: wanted)
      taken &+= piece
      if piece < wanted { break }
    }
    return taken
  }

  /// Asks the plugin once, and believes of what it answers only what is free.
  private func allocatePiece(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Limits.budget) { room in
      guard let numbers = room.baseAddress else { return 0 }
      return books.withLock { books in
        guard !books.isClosed else { return 0 }
        let answered = unsafe Int(table.pointee.allocate(state, numbers, UInt32(count)))
        if answered > count { books.faults += 1 }
        var kept = 0
        for position in 0..<min(answered, count) {
          let buffer = unsafe buffers.descriptor(numbers[position])
          guard let buffer, buffer.owner == .free else {
            books.faults += 1
            continue
          }
          buffer.owner = .receive
          unsafe (storage + kept).initialize(to: Storage(owning: buffer))
          kept += 1
        }
        books.outstanding += kept
        return kept
      }
    }
  }

  /// Takes buffers back from any thread, up to 64 with each call of the plugin.
  public func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    var done = 0
    while done < count {
      let piece = min(count &- done, Limits.budget)
      unsafe recyclePiece(descriptors + done, count: piece)
      done &+= piece
    }
  }

  private func recyclePiece(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Limits.budget) { room in
      guard let numbers = room.baseAddress else { return }
      books.withLock { books in
        var kept = 0
        for position in 0..<count {
          let descriptor = unsafe descriptors[position]
          guard let number = buffers.number(of: descriptor), descriptor.becomeFree() else {
            books.doubleFrees += 1
            continue
          }
          unsafe numbers[kept] = number
          kept += 1
        }
        guard kept > 0 else { return }
        unsafe table.pointee.recycle(state, numbers, UInt32(kept))
        books.recycleCalls += 1
        books.outstanding -= kept
      }
    }
  }

  /// Counts the buffers by owner.
  public func census() -> Census {
    var census = buffers.census()
    census.doubleFree = books.withLock { $0.doubleFrees }
    census.abandoned = registry.abandonedCount(of: memory.id)
    return census
  }

  /// Closes the model, without waiting: call it again now and then until it answers nil.
  ///
  /// Nothing is handed out any more. The registry keeps the model, and so the plugin's state and its memory, until
  /// the last buffer is home.
  ///
  /// - Returns: nil when every buffer is home and the registry has let the model go; otherwise who holds the others.
  @discardableResult
  public func destroy() -> Census? {
    let (isHome, isFirst) = books.withLock { books in
      books.isClosed = true
      let isHome = books.outstanding == 0
      defer { if isHome { books.isGone = true } }
      return (isHome, !books.isGone)
    }
    guard isHome else { return census() }
    // Its id may be another model's by the second call.
    if isFirst { registry.disconnect(memory.id) }
    return nil
  }
}
