// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

extension RunContext {
  /// Tells the handle of a function from a number.
  static let functionTag: UInt64 = 1 << 63

  /// What a program gets for the address of one of its functions.
  @inline(__always)
  static func handle(ofFunction index: Int) -> UInt64 { functionTag | UInt64(index) }

  /// The host's address of the end of the running function's frame.
  @inlinable var frame: UnsafeMutableRawPointer {
    get { unsafe block.load(fromByteOffset: 48, as: UnsafeMutableRawPointer.self) }
    nonmutating set {
      unsafe block.storeBytes(of: newValue, toByteOffset: 48, as: UnsafeMutableRawPointer.self)
    }
  }

  /// What r10 holds: the end of the frame as an offset in the window.
  @inline(__always) var frameOffset: UInt64 {
    UInt64(UInt32(truncatingIfNeeded: UInt(bitPattern: unsafe frame)))
  }

  @inline(__always) var stackStart: UnsafeMutableRawPointer {
    unsafe block.load(fromByteOffset: 56, as: UnsafeMutableRawPointer.self)
  }

  /// The executable that runs.
  @inlinable var code: CodeBlock {
    get {
      unsafe CodeBlock(block.load(fromByteOffset: 64, as: UnsafeMutableRawPointer.self))
    }
    nonmutating set {
      unsafe block.storeBytes(
        of: newValue.block, toByteOffset: 64, as: UnsafeMutableRawPointer.self)
    }
  }

  func pushFrame() { unsafe frame = unsafe frame - RunContext.frameByteCount }
  func popFrame() { unsafe frame = unsafe frame + RunContext.frameByteCount }

  /// Whether a call from the running function finds this many octets of stack.
  func hasFrames(_ byteCount: Int) -> Bool {
    unsafe frame - RunContext.frameByteCount - byteCount >= stackStart
  }

  /// Zeroes what the function at `index` may see of its frame.
  func enterFrame(_ code: CodeBlock, _ index: Int) {
    // Safe: the frame ends inside the machine's stack, which has `frameByteCount` octets below it.
    let byteCount = Int(unsafe code.rows[index].frameByteCount)
    if byteCount > 0 { unsafe memset(frame - byteCount, 0, byteCount) }
  }

  /// Calls a function of the running program, for a helper that takes one.
  ///
  /// It takes from the same fuel, and uses frames below those in use.
  ///
  /// - Parameters:
  ///   - handle: What the program passed.
  ///   - arguments: r1 to r4 of the function.
  /// - Returns: Its r0; nil if it is no function or was stopped, and then the program is, too, when the helper returns.
  public func call(
    _ handle: UInt64, _ arguments: (UInt64, UInt64, UInt64, UInt64)
  ) -> UInt64? {
    guard let index = code.function(handle) else {
      fault = .badCall
      return nil
    }
    guard hasFrames(code.depth(of: index)) else {
      fault = .callDepth
      return nil
    }
    let outer = unsafe frame
    defer { unsafe frame = unsafe outer }
    pushFrame()
    let value = execute(from: index, arguments)
    return fault == .none ? value : nil
  }

  /// Runs a function in the frame that is set.
  @inlinable
  @inline(__always)
  func execute(from index: Int, _ arguments: (UInt64, UInt64, UInt64, UInt64)) -> UInt64 {
    let code = code
    guard code.entry != 0 else { return interpret(from: index, arguments) }
    // Safe: the generator wrote a function of this type there.
    let entry = unsafe unsafeBitCast(code.entry, to: GeneratedEntry.self)
    return unsafe entry(
      arguments.0, arguments.1, arguments.2, arguments.3, block,
      index == 0 ? code.main : code.address(of: index))
  }

  @usableFromInline
  func interpret(from index: Int, _ arguments: (UInt64, UInt64, UInt64, UInt64)) -> UInt64 {
    Interpreter.run(code, from: index, context: self, arguments: arguments)
  }

  @inlinable
  @inline(__always)
  var isStopped: Bool { unsafe block.load(fromByteOffset: 24, as: UInt32.self) != 0 }

  /// How a run ended that was stopped; the next one begins without a fault.
  @usableFromInline
  func stoppedOutcome() -> Outcome {
    let outcome = Outcome(value: 0, fault: fault)
    fault = .none
    return outcome
  }
}

/// The entry of generated code: r1 to r4, the context, the function's address; answers r0.
@usableFromInline
typealias GeneratedEntry =
  @convention(c) (
    UInt64, UInt64, UInt64, UInt64, UnsafeMutableRawPointer, UInt
  ) -> UInt64
