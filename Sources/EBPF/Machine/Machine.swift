// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import CLinux

/// What one thread needs to run programs: a stack in the arena, and a context outside it.
///
/// One thread uses a machine at a time. Programs see offsets of the arena window, never addresses: r10 and whatever
/// the caller passes in r1 are 32-bit offsets.
@safe
public final class Machine {
  /// The state of the run; helpers get it.
  public let context: RunContext
  /// What a run may use: one unit for each jump backwards that is taken and each call of a function.
  @inlinable public var fuel: Int64 {
    get { context.budget }
    set { context.budget = newValue }
  }
  private let arena: Arena
  private let stack: Segment
  private let block: UnsafeMutableRawPointer
  // Safe: the end of the stack, which lives as long as the segment that this object holds.
  @usableFromInline let frame: UnsafeMutableRawPointer

  /// The units of fuel of a run unless said otherwise.
  public static let defaultFuel: Int64 = 1 << 16

  /// Takes a stack of the arena.
  ///
  /// - Parameters:
  ///   - arena: The memory that programs are to see.
  ///   - fuel: What each run may use.
  /// - Throws: ``ArenaError`` when there is no room or the kernel refuses.
  public init(arena: Arena, fuel: Int64 = Machine.defaultFuel) throws(ArenaError) {
    let result = clinux_guard_install()
    guard result == 0 else { throw .refused(call: "sigaction", errno: result) }
    self.arena = arena
    let byteCount = RunContext.maximumFrames * RunContext.frameByteCount
    stack = try arena.addSegment(byteCount: UInt(byteCount))
    unsafe block = .allocate(byteCount: RunContext.byteCount, alignment: 64)
    unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: RunContext.byteCount)
    unsafe frame = stack.address + byteCount
    // Safe: the window and the stack live as long as the arena and the segment that this object holds.
    let window = unsafe arena.base + Int(AddressMap.arenaOffset)
    unsafe block.storeBytes(of: window, as: UnsafeMutableRawPointer.self)
    unsafe block.storeBytes(
      of: stack.address, toByteOffset: 56, as: UnsafeMutableRawPointer.self)
    context = unsafe RunContext(block)
    context.budget = fuel
  }

  deinit { unsafe block.deallocate() }

  /// Runs a program to its end, or until it is stopped.
  ///
  /// - Parameters:
  ///   - executable: What to run.
  ///   - first: r1, by convention the offset of the program's context in the arena window.
  ///   - second: r2.
  /// - Returns: r0 and no fault, or 0 and why the program was stopped. After ``Fault/tailCall`` the context says what is
  ///   to run next.
  @inlinable
  @inline(__always)
  public func run(_ executable: Executable, _ first: UInt64, _ second: UInt64 = 0) -> Outcome {
    context.fuel = context.budget
    context.tailCount = 0
    return proceed(executable, first, second)
  }

  /// Runs a program in place of one that ended with a tail call, on what is left of the fuel.
  ///
  /// - Parameters:
  ///   - executable: What to run.
  ///   - first: r1.
  ///   - second: r2.
  /// - Returns: As ``run(_:_:_:)``.
  @inlinable
  @inline(__always)
  public func proceed(_ executable: Executable, _ first: UInt64, _ second: UInt64 = 0) -> Outcome {
    context.code = executable.code
    unsafe context.frame = unsafe frame
    let value = context.execute(from: 0, (first, second, 0, 0))
    return context.isStopped ? context.stoppedOutcome() : Outcome(value: value)
  }
}
