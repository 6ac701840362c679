// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A program that can run: decoded, validated, and for the JIT generated.
///
/// It never changes, so any number of machines may run it at once; it must outlive those runs.
@safe
public final class Executable: Sendable {
  /// The program's name.
  public let name: String
  /// What runs it.
  public let engine: Engine
  // Safe: owned, written only by init.
  @usableFromInline let code: CodeBlock
  private let generated: GeneratedCode?

  /// Prepares a program.
  ///
  /// - Parameters:
  ///   - spec: The program, linked.
  ///   - maps: What its references to maps stand for.
  ///   - helpers: What it may call.
  ///   - engine: What is to run it.
  /// - Throws: ``ProgramError`` that names the instruction and what to do.
  public init(
    _ spec: ProgramSpec, maps: [MapBinding] = [], helpers: HelperTable = HelperTable(),
    engine: Engine = .jit
  ) throws(ProgramError) {
    let program = try Program(spec, maps: maps, helpers: helpers)
    let code = CodeBlock.make(program, helpers)
    do throws(ProgramError) {
      generated = engine == .jit ? try GeneratedCode(program, code) : nil
    } catch {
      code.deallocate()
      throw error
    }
    name = program.name
    self.engine = engine
    self.code = code
  }

  deinit { code.deallocate() }
}
