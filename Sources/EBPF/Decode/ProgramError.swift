// SPDX-License-Identifier: Apache-2.0

/// Why a program cannot run: what is wrong, at which slot, and what to do about it.
public struct ProgramError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The program's name.
  public var program: String
  /// The slot that is wrong; nil if it is the program as a whole.
  public var instruction: Int?
  /// What is wrong.
  public var problem: Problem

  /// What can be wrong with a program.
  public enum Problem: Equatable, Sendable {
    /// There is no instruction, or there are more than ``ProgramError/maximumSlots``.
    case size(Int)
    /// RFC 9669 defines no such instruction.
    case unknownInstruction(opcode: UInt8)
    /// A field that the instruction does not use is not zero.
    case reservedField
    /// There are eleven registers.
    case register(UInt8)
    /// The frame pointer cannot be written.
    case frameIsReadOnly
    /// A jump or call leads out of the program, or into the middle of a wide load.
    case target(Int)
    /// A jump leads into another function.
    case leavesFunction(Int)
    /// The last instruction of a function neither ends nor jumps.
    case runsOffTheEnd
    /// Half of a wide load is missing.
    case tornWideLoad
    /// A wide load names something, and no reference says what.
    case unresolvedReference
    /// An access is outside the function's frame.
    case outsideFrame(offset: Int)
    /// No such helper is allowed here.
    case helper(Int)
    /// A function of the kernel, which only the kernel has.
    case kernelFunction
    /// Functions call each other in a circle, or deeper than eight frames.
    case nesting
    /// The system refused memory for the code.
    case memory(errno: Int32)
    /// This processor has no generator of machine code.
    case noGenerator
  }

  /// The slots that a program may have.
  ///
  /// Source: `BPF_COMPLEXITY_LIMIT_INSNS` bounds the kernel's walk; the kernel's own limit on length is the same.
  public static let maximumSlots = 1_000_000

  /// Says what is wrong with a program; `instruction` is nil if it is the program as a whole.
  public init(program: String, instruction: Int?, problem: Problem) {
    self.program = program
    self.instruction = instruction
    self.problem = problem
  }

  /// What is wrong, where, and what to do.
  public var description: String {
    let place = instruction.map { "\(program), instruction \($0)" } ?? program
    return "\(place): \(problem.description)"
  }
}

extension ProgramError.Problem: CustomStringConvertible {
  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .size(let count): "\(count) slots; a program has 1 to \(ProgramError.maximumSlots)"
    case .unknownInstruction(let opcode):
      "unknown instruction 0x\(String(opcode, radix: 16)); compile for -mcpu=v4 or older"
    case .reservedField:
      "a reserved field is not zero; the object is damaged or newer than RFC 9669"
    case .register(let number): "no register r\(number); there are r0 to r10"
    case .frameIsReadOnly: "writes r10, which is read-only; copy it to another register first"
    case .target(let index): "leads to \(index), where no instruction begins"
    case .leavesFunction(let index): "jumps to \(index), in another function; call it instead"
    case .runsOffTheEnd: "the function runs off its end; let it end with exit or a jump"
    case .tornWideLoad: "half of a 64-bit constant is missing"
    case .unresolvedReference: "names a map or variable that is not there; link the object first"
    case .outsideFrame(let offset):
      "accesses r10\(offset < 0 ? "" : "+")\(offset); the frame is r10-512 to r10-1"
    case .helper(let number):
      "calls \(HelperName.of(number)) (helper \(number)), which is not available here"
    case .kernelFunction: "calls a kernel function (kfunc), which exists only in the kernel"
    case .nesting: "functions call each other in a circle or more than 8 deep; flatten them"
    case .memory(let code): "no memory for its code (errno \(code))"
    case .noGenerator: "no machine code for this processor; use the interpreter"
    }
  }
}
