// SPDX-License-Identifier: Apache-2.0

/// Why an object file cannot be used: what is wrong, where, and what to do about it.
public struct ObjectError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The section, symbol or map that is wrong.
  public var place: String
  /// What is wrong.
  public var problem: Problem

  /// What can be wrong with an object.
  public enum Problem: Equatable, Sendable {
    /// Not a relocatable 64-bit little-endian ELF file for BPF.
    case notBPF(String)
    /// The file ends, or a field points, where nothing is.
    case damaged(String)
    /// No program of that name.
    case noProgram(known: [String])
    /// No map of that name.
    case noMap(known: [String])
    /// No variable of that name.
    case noVariable
    /// The value is not as long as what it replaces.
    case valueSize(expected: Int, given: Int)
    /// A symbol that is defined nowhere in the file.
    case external
    /// A kind of relocation that only compilers for other loaders write.
    case relocation(UInt32)
    /// A definition of a map that says too little or too much.
    case mapDefinition(String)
    /// No setting of an object.
    case setting
    /// A key or value that is no number, or does not have so many octets.
    case settingValue(byteCount: Int)
  }

  init(_ place: String, _ problem: Problem) {
    self.place = place
    self.problem = problem
  }

  /// What is wrong, where, and what to do.
  public var description: String { "\(place): \(problem.description)" }
}

extension ObjectError.Problem: CustomStringConvertible {
  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .notBPF(let what): "\(what); compile with clang -target bpf -c"
    case .damaged(let what): "\(what); the file is damaged, compile it again"
    case .noProgram(let known): "no such program; there are: \(known.joined(separator: ", "))"
    case .noMap(let known): "no such map; there are: \(known.joined(separator: ", "))"
    case .noVariable: "no such variable; name a global of .rodata, .data or .bss"
    case .valueSize(let expected, let given): "takes \(expected) octets, not \(given)"
    case .external:
      "is defined nowhere in the object (a kernel function or variable?); remove its use"
    case .relocation(let kind): "relocation of kind \(kind); compile with clang -target bpf"
    case .setting: "is no setting; write map.NAME.max_entries, map.NAME.KEY or rodata.NAME"
    case .settingValue(let count):
      "takes a number that fits into \(count) octets, or hex: and \(2 * count) digits"
    case .mapDefinition(let what): "\(what); define it with BTF (SEC(\".maps\"))"
    }
  }
}
