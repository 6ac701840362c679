// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import Glibc
internal import Synchronization
internal import Syscalls

/// The maps that programs of one arena may name, by handle, and the processors that they run as.
///
/// A map lives as long as the store, because a program may pass any number for a handle, at any time. Maps with the
/// same name and scope are one map: that is how programs of one object, or its next version, share what they count.
@safe
public final class MapStore: Sendable {
  /// Where the values lie.
  public let arena: Arena
  /// How many programs may run at once, each as a processor of its own; maps for each processor have so many values.
  public let processorCount: Int
  /// Gets what programs print.
  public let log: @Sendable (String) -> Void
  // Safe: owned; a word is 0 or a reference to a map that `state` holds.
  nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt>>
  // Safe: the same for ring buffers, by where in the arena their records lie.
  nonisolated(unsafe) private let ringWords: UnsafeMutablePointer<Atomic<UInt>>
  private let state = Mutex(State())

  /// The most maps of a store.
  public static let capacity = 1 << 16

  private struct State {
    var maps: [BPFMap] = []
    var names: [String: BPFMap] = [:]
    var processors: Set<Int> = []
  }

  /// Makes a store without maps.
  ///
  /// - Parameters:
  ///   - arena: Where the values are to lie.
  ///   - processorCount: How many programs may run at once, 1 or more.
  ///   - log: Gets what programs print; called by the thread that runs the program.
  public init(
    arena: Arena, processorCount: Int = 16, log: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    precondition(processorCount > 0, "Programs run as at least one processor.")
    self.arena = arena
    self.processorCount = processorCount
    self.log = log
    unsafe words = zeroed(MapStore.capacity)
    unsafe ringWords = zeroed(Int(AddressMap.arenaByteCount >> MapStore.ringShift))
  }

  deinit {
    unsafe free(words)
    unsafe free(ringWords)
  }

  /// The maps that have handles, in the order in which they were made.
  public var maps: [BPFMap] { state.withLock { $0.maps } }

  /// Finds or makes a map.
  ///
  /// - Parameters:
  ///   - spec: What it looks like.
  ///   - scope: Within which its name means this map; nil makes a map that shares its name with nobody.
  /// - Returns: The map.
  /// - Throws: ``BPFMapError`` for a definition that the kernel refuses, and for a name that means another definition.
  /// - Note: Allocates.
  public func map(_ spec: MapSpec, scope: String? = nil) throws(BPFMapError) -> BPFMap {
    let name = scope.map { "\($0)/\(spec.name)" }
    let result: Result<BPFMap, BPFMapError> = state.withLock { state in
      if let name, let found = state.names[name] {
        guard found.hasShape(of: spec) else {
          return .failure(
            BPFMapError(
              spec.name, .fileExists,
              "exists with another definition; give one of them another name or scope"))
        }
        return .success(found)
      }
      do throws(BPFMapError) {
        let map = try make(spec, handle: UInt32(state.maps.count + 1))
        // Safe: the store holds the map from here on.
        let word = UInt(bitPattern: unsafe Unmanaged.passUnretained(map).toOpaque())
        unsafe words[Int(map.handle)].store(word, ordering: .releasing)
        if let ring = map as? RingBufferMap { register(ring) }
        state.maps.append(map)
        if let name { state.names[name] = map }
        return .success(map)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// A map that programs reach by address only: the variables of an object.
  ///
  /// It lives as long as its references.
  func variables(_ spec: MapSpec) throws(BPFMapError) -> BPFMap { try make(spec, handle: 0) }

  /// The map with a name, if there is one.
  public func map(named name: String, scope: String) -> BPFMap? {
    state.withLock { $0.names["\(scope)/\(name)"] }
  }

  /// Where helpers find maps by handle.
  var table: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(words) }

  /// Where helpers find ring buffers by the offset of a record.
  var ringTable: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(ringWords) }
  /// Segments of the arena begin at multiples of 2 MiB, so that much belongs to one map.
  static let ringShift: UInt32 = 21

  private func register(_ ring: RingBufferMap) {
    // Safe: the store holds the map as long as the table.
    let word = UInt(bitPattern: unsafe Unmanaged.passUnretained(ring).toOpaque())
    for place in ring.window.lowerBound >> MapStore.ringShift...(ring.window.upperBound - 1)
      >> MapStore.ringShift
    {
      unsafe ringWords[place].store(word, ordering: .releasing)
    }
  }

  // MARK: Processors

  /// Takes a processor nobody else runs as: the one wanted, or the lowest.
  func takeProcessor(_ wanted: Int?) -> Int? {
    state.withLock { state in
      let free = (0..<processorCount).filter { !state.processors.contains($0) }
      guard let processor = free.first(where: { $0 == wanted }) ?? free.first else { return nil }
      state.processors.insert(processor)
      return processor
    }
  }

  func giveBackProcessor(_ processor: Int) {
    _ = state.withLock { $0.processors.remove(processor) }
  }
}

extension BPFMap {
  /// Whether a definition means a map like this one.
  func hasShape(of other: MapSpec) -> Bool {
    spec.type == other.type && spec.keyByteCount == other.keyByteCount
      && spec.valueByteCount == other.valueByteCount
      && spec.maximumEntries == other.maximumEntries && spec.flags == other.flags
  }
}
