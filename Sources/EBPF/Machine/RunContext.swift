// SPDX-License-Identifier: Apache-2.0

/// The state of one run: 256 octets that only the host sees, in use by one thread at a time.
///
/// Generated code, the interpreter and the helpers share it, so the places are fixed:
///
///      0  window      the host's address of the arena window
///      8  fuel        what is left; valid while a helper runs and after the run
///     16  entryStack  the native stack pointer to go back to when the program is stopped
///     24  fault       why the program is stopped; a helper's fault stops it when the helper returns
///     32  faultAddress, 40 faultInstruction   of a memory fault: window offset, and where in the code
///     48  frame       the host's address of the end of the running function's frame
///     56  stackStart  the host's address of the lowest octet of the stack
///     64  functions   where the program's functions begin, for calls back into it
///     72  tailTarget  what runs next instead of this program, for the owner of the program arrays
///     80  tailCount   how often this run has replaced its program
///     88  owners      four words for whoever runs packets and maps: programs cannot reach them
///    120  budget      the fuel that each run begins with
///    128  free
@frozen
@safe
public struct RunContext: @unchecked Sendable {
  /// The octets of one context.
  public static let byteCount = 256
  /// Functions may be nested this deep, the program itself included.
  ///
  /// Source: `MAX_CALL_FRAMES`, `include/linux/bpf_verifier.h`.
  public static let maximumFrames = 8
  /// The octets of stack of each function.
  ///
  /// Source: `MAX_BPF_STACK`, `include/linux/filter.h`.
  public static let frameByteCount = 512

  /// One run may replace its program this often.
  ///
  /// Source: `MAX_TAIL_CALL_CNT`, `include/linux/bpf.h`.
  public static let maximumTailCalls: UInt32 = 33

  // Safe: points to `byteCount` octets of a machine that outlives every use of this value.
  @usableFromInline let block: UnsafeMutableRawPointer

  /// Takes what a helper gets as its last argument.
  @inlinable
  @inline(__always)
  public init(_ block: UnsafeMutableRawPointer) {
    unsafe self.block = unsafe block
  }

  /// The memory that programs see.
  @inlinable
  @inline(__always)
  public var memory: GuestMemory {
    unsafe GuestMemory(base: block.load(as: UnsafeMutableRawPointer.self))
  }

  /// What is left of the fuel: a helper that loops takes from it.
  @inlinable public var fuel: Int64 {
    get { unsafe block.load(fromByteOffset: 8, as: Int64.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 8, as: Int64.self) }
  }

  /// What a run may use.
  @inlinable var budget: Int64 {
    get { unsafe block.load(fromByteOffset: 120, as: Int64.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 120, as: Int64.self) }
  }

  /// Why the program is stopped; a helper that sets it stops the program as soon as it returns.
  @inlinable public var fault: Fault {
    get {
      Fault(rawValue: unsafe block.load(fromByteOffset: 24, as: UInt32.self)) ?? .helper
    }
    nonmutating set {
      unsafe block.storeBytes(of: newValue.rawValue, toByteOffset: 24, as: UInt32.self)
    }
  }

  /// The offset in the window that a memory fault was about.
  @inlinable public var faultAddress: UInt64 {
    // The handler of generated code leaves the host's address; the window is aligned to its 4 GiB.
    get { UInt64(unsafe block.load(fromByteOffset: 32, as: UInt32.self)) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 32, as: UInt64.self) }
  }

  /// A word that belongs to whoever runs packets and maps.
  ///
  /// - Parameter index: 0...3.
  /// - Returns: What was set there; nil at first.
  @inlinable
  public func owner(_ index: Int) -> UnsafeMutableRawPointer? {
    unsafe block.load(fromByteOffset: 88 &+ (index & 3) &* 8, as: UnsafeMutableRawPointer?.self)
  }

  /// Sets a word that belongs to whoever runs packets and maps.
  ///
  /// - Parameters:
  ///   - index: 0...3.
  ///   - value: What helpers find there.
  @inlinable
  public func setOwner(_ index: Int, _ value: UnsafeMutableRawPointer?) {
    unsafe block.storeBytes(
      of: value, toByteOffset: 88 &+ (index & 3) &* 8, as: UnsafeMutableRawPointer?.self)
  }

  /// What runs next if the program ended with ``Fault/tailCall``; its meaning is up to whoever runs the programs.
  @inlinable public var tailTarget: UInt64 {
    get { unsafe block.load(fromByteOffset: 72, as: UInt64.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 72, as: UInt64.self) }
  }

  /// Ends the program as soon as the helper returns, for another one to take its place.
  ///
  /// - Parameter target: What ``tailTarget`` is to be.
  /// - Returns: False, and the program goes on, if this run has seen ``maximumTailCalls`` of them.
  ///
  /// Source: `bpf_tail_call()`, `kernel/bpf/core.c`.
  @inlinable
  public func replaceProgram(by target: UInt64) -> Bool {
    guard tailCount < RunContext.maximumTailCalls else { return false }
    tailCount &+= 1
    tailTarget = target
    fault = .tailCall
    return true
  }

  /// How often this run has replaced its program.
  @inlinable public internal(set) var tailCount: UInt32 {
    get { unsafe block.load(fromByteOffset: 80, as: UInt32.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, toByteOffset: 80, as: UInt32.self) }
  }
}
