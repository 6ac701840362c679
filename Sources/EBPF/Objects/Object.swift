// SPDX-License-Identifier: Apache-2.0

/// An eBPF object file: its programs and maps, before anything of it can run.
///
/// Reading it looks at every field once, so that nothing in a damaged or hostile file does more than make ``init(_:)``
/// throw. Values for its maps and variables are set here; ``link(_:)`` then takes out one program.
public struct Object: Sendable {
  /// A function that can be run as a program.
  public struct Entry: Equatable, Sendable {
    /// The function's name.
    public var name: String
    /// The section that it stands in, such as `xdp` or `xdp.frags`.
    public var section: String
    /// Whether it takes frames of several buffers: its section is `xdp.frags`, or begins so.
    public var takesFragments: Bool
  }

  /// The programs, static ones and those without the prefix `xdp` too, in order of the file.
  public let programs: [Entry]
  /// The maps; a section of variables is a map of one value with the section's name.
  public private(set) var maps: [MapSpec]
  /// What the section `license` says; empty if there is none.
  public let license: String

  let image: ELFImage
  let functions: [CodeFunction]
  let places: [MapReader.Placed]

  /// Reads an object.
  ///
  /// - Parameter octets: The file.
  /// - Throws: ``ObjectError`` that names the section, symbol or map, and what to do.
  public init(_ octets: [UInt8]) throws(ObjectError) {
    image = try ELFImage(octets)
    functions = try CodeFunction.all(of: image)
    places = try MapReader(image: image).read()
    maps = places.map(\.spec)
    license =
      image.section(named: "license").flatMap { [image] in
        image.sections[$0].octets.text(at: 0)
      } ?? ""
    // What stands in .text is there to be called, unless there is nothing else.
    let image = image
    let separate = functions.filter { image.sections[$0.section].name != ".text" }
    programs = (separate.isEmpty ? functions : separate).map {
      let section = image.sections[$0.section].name
      return Entry(
        name: $0.name, section: section,
        takesFragments: section == "xdp.frags" || section.hasPrefix("xdp.frags/"))
    }
  }

  /// The program that a configuration names by its function or, where that is unambiguous, its section.
  ///
  /// - Parameter name: The function or section; nil takes the only program.
  /// - Returns: The program.
  /// - Throws: ``ObjectError`` that lists the programs.
  public func program(named name: String?) throws(ObjectError) -> Entry {
    let known = programs.map(\.name)
    guard let name else {
      guard programs.count == 1 else {
        throw ObjectError("program", .noProgram(known: known))
      }
      return programs[0]
    }
    if let found = programs.first(where: { $0.name == name }) { return found }
    let inSection = programs.filter { $0.section == name }
    guard inSection.count == 1 else { throw ObjectError(name, .noProgram(known: known)) }
    return inSection[0]
  }

  /// Changes the definition of a map, such as how many entries it has.
  ///
  /// - Parameters:
  ///   - name: The map's name.
  ///   - change: What to do with its definition.
  /// - Throws: ``ObjectError`` that lists the maps.
  public mutating func configureMap(
    _ name: String, _ change: (inout MapSpec) -> Void
  ) throws(ObjectError) {
    guard let index = maps.firstIndex(where: { $0.name == name }) else {
      throw ObjectError(name, .noMap(known: maps.map(\.name)))
    }
    change(&maps[index])
  }

  /// The octets of a variable; nil if there is none of that name.
  func variableByteCount(_ name: String) -> Int? {
    image.symbols.first { symbol in
      symbol.name == name && symbol.kind == .object
        && places.contains { $0.section == symbol.section && $0.offset == nil }
    }?.byteCount
  }

  /// Sets a variable of `.rodata`, `.data` or `.bss` to what it is to be when programs start.
  ///
  /// - Parameters:
  ///   - name: The variable's name.
  ///   - value: Its octets, as many as it has.
  /// - Throws: ``ObjectError`` if there is no such variable or it has another size.
  public mutating func setVariable(_ name: String, to value: [UInt8]) throws(ObjectError) {
    for symbol in image.symbols where symbol.name == name && symbol.kind == .object {
      guard
        let index = places.firstIndex(where: { $0.section == symbol.section && $0.offset == nil })
      else { continue }
      guard symbol.byteCount == value.count else {
        throw ObjectError(name, .valueSize(expected: symbol.byteCount, given: value.count))
      }
      let end = symbol.value + symbol.byteCount
      guard end <= maps[index].contents.count else {
        throw ObjectError(name, .damaged("it ends behind its section"))
      }
      maps[index].contents.replaceSubrange(symbol.value..<end, with: value)
      return
    }
    throw ObjectError(name, .noVariable)
  }

  /// The helpers that a program calls, by number, and the maps that it names, by name.
  ///
  /// - Parameter name: The program's function.
  /// - Returns: Each once, in order.
  /// - Throws: ``ObjectError`` that names what cannot be resolved.
  public func needs(of name: String) throws(ObjectError) -> (helpers: [Int], maps: [String]) {
    let spec = try link(name)
    let calls = spec.instructions.filter { $0.opcode == 0x85 && $0.source == 0 }
    let indices = spec.references.map { reference in
      switch reference.target {
      case .map(let index), .mapValue(let index, _): index
      }
    }
    return (
      Set(calls.map { Int($0.immediate) }).sorted(), Set(indices).sorted().map { maps[$0].name }
    )
  }

  /// Takes out a program with the functions that it calls, in whatever sections they are.
  ///
  /// - Parameter name: The program's function.
  /// - Returns: The program; its references to maps are indices of ``maps``.
  /// - Throws: ``ObjectError`` that names what cannot be resolved.
  public func link(_ name: String) throws(ObjectError) -> ProgramSpec {
    guard let entry = functions.first(where: { $0.name == name }) else {
      throw ObjectError(name, .noProgram(known: programs.map(\.name)))
    }
    var linker = Linker(object: self)
    return try linker.link(entry)
  }
}
