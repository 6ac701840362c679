// SPDX-License-Identifier: Apache-2.0

internal import Arena

/// A machine that runs programs with maps and helpers, as one processor of a ``MapStore``.
///
/// One thread uses it at a time.
///
/// Of the context's owner words, 0 leads to the maps, 1 belongs to whoever runs packets, 2 leads to this object, 3 to the
/// ring buffers.
@safe
public final class Runner {
  /// What the programs run on.
  public let machine: Machine
  /// The maps that they can name.
  public let store: MapStore
  /// What they take for their processor's number; no other runner of the store has it.
  public let processor: Int
  private let scratch: Segment
  // Safe: owned.
  let notes: UnsafeMutablePointer<Notes>

  /// What helpers keep between calls.
  struct Notes {
    var random: UInt64
    /// Callbacks with a key in the scratch memory that have not returned.
    var depth = 0
    /// Lines that may still be printed, and when the last one was added.
    var lines = Runner.printBurst
    var refilled: UInt64 = 0
  }

  /// The octets of scratch memory for whoever runs packets: what r1 leads to.
  public static let contextByteCount = 1024
  /// Keys that callbacks look at lie behind.
  static let keyDepth = 4
  /// Lines that a program may print at once, and in every second.
  static let printBurst = 10

  /// Takes a processor, a stack and scratch memory.
  ///
  /// - Parameters:
  ///   - store: The maps; programs run in its arena.
  ///   - processor: The processor's number if it is free; else the lowest free one is taken.
  ///   - fuel: What each run may use.
  /// - Throws: ``LoadError`` where every processor is taken, or memory is refused.
  public init(
    store: MapStore, processor: Int? = nil, fuel: Int64 = Machine.defaultFuel
  ) throws(LoadError) {
    guard let number = store.takeProcessor(processor) else {
      throw .processors(store.processorCount)
    }
    do {
      machine = try Machine(arena: store.arena, fuel: fuel)
      scratch = try store.arena.addSegment(byteCount: 4096)
    } catch {
      store.giveBackProcessor(number)
      throw .memory("\(error)")
    }
    self.store = store
    self.processor = number
    unsafe notes = .allocate(capacity: 1)
    unsafe notes.initialize(to: Notes(random: Surroundings.seed))
    unsafe machine.context.setOwner(0, store.table)
    unsafe machine.context.setOwner(3, store.ringTable)
    // Safe: the context is this object's machine's, which does not outlive it.
    unsafe machine.context.setOwner(2, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    store.giveBackProcessor(processor)
    unsafe notes.deallocate()
  }

  /// The scratch memory of whoever runs packets; valid while this object lives.
  public var contextAddress: UnsafeMutableRawPointer { unsafe scratch.address }
  /// The same as an offset of the arena window, for r1.
  public var contextOffset: UInt64 { UInt64(scratch.offset) }

  /// Room for a key of a callback, as the host's address and an offset; nil where callbacks are nested too deep.
  func keyRoom() -> (UnsafeMutableRawPointer, UInt64)? {
    let depth = unsafe notes.pointee.depth
    guard depth < Runner.keyDepth else { return nil }
    let place = Runner.contextByteCount + depth * Int(MapStore.maximumKeyByteCount)
    return unsafe (scratch.address + place, UInt64(scratch.offset) + UInt64(place))
  }

  /// Runs a program, and those that take its place.
  ///
  /// - Parameters:
  ///   - executable: What to run.
  ///   - first: r1.
  /// - Returns: How the last of them ended; never ``Fault/tailCall``.
  @inlinable
  @inline(__always)
  public func run(_ executable: Executable, _ first: UInt64) -> Outcome {
    let outcome = machine.run(executable, first)
    return outcome.fault == .tailCall ? proceed(first) : outcome
  }

  @usableFromInline
  func proceed(_ first: UInt64) -> Outcome {
    while true {
      guard let target = unsafe UnsafeRawPointer(bitPattern: UInt(machine.context.tailTarget))
      else {
        return Outcome(value: 0, fault: .badCall)
      }
      // Safe: a program array put it there, which keeps the executable as long as the store lives.
      let next = unsafe Unmanaged<Executable>.fromOpaque(target).takeUnretainedValue()
      let outcome = machine.proceed(next, first)
      if outcome.fault != .tailCall { return outcome }
    }
  }
}

extension RunContext {
  /// The runner whose context this is, for the duration of `body`.
  @inline(__always)
  func withRunner<Result>(_ body: (Runner) -> Result) -> Result {
    // Safe: the runner put itself there, and lives as long as its machine.
    let owner = unsafe Unmanaged<Runner>.fromOpaque(owner(2).unsafelyUnwrapped)
    return unsafe owner._withUnsafeGuaranteedRef(body)
  }

  /// The map with a handle, for the duration of `body`; nil if there is none.
  @inline(__always)
  func withMap<Result>(_ handle: UInt64, _ body: (BPFMap) -> Result) -> Result? {
    guard handle < UInt64(MapStore.capacity), let table = unsafe owner(0) else { return nil }
    // Safe: the store's table, of which every word is 0 or a map that lives as long as the store.
    let word = unsafe table.load(
      fromByteOffset: Int(handle) &* 8, as: UnsafeRawPointer?.self)
    guard let word = unsafe word else { return nil }
    return unsafe Unmanaged<BPFMap>.fromOpaque(word)._withUnsafeGuaranteedRef(body)
  }

  /// What the processor's maps are indexed with.
  @inline(__always) var processor: Int { withRunner { $0.processor } }

  /// Takes from the fuel; false, and the program is stopped, where nothing is left.
  public func spend(_ units: Int64) -> Bool {
    fuel &-= units
    if fuel >= 0 { return true }
    fault = .fuel
    return false
  }

  /// Takes what it costs to go over so many octets: a unit for each 256.
  @inline(__always)
  public func spend(octets count: Int) -> Bool { count < 256 || spend(Int64(count >> 8)) }

  /// Ends the program because a pointer that it passed leads nowhere.
  ///
  /// - Parameter address: What the program passed.
  /// - Returns: 0, for the helper to answer.
  public func refuse(_ address: UInt64) -> UInt64 {
    faultAddress = address
    fault = .memory
    return 0
  }
}

/// An error number as a program finds it in r0.
@inline(__always)
func answer(_ result: Int32) -> UInt64 { UInt64(bitPattern: Int64(result)) }
