// SPDX-License-Identifier: Apache-2.0

/// The types of an object, as far as definitions of maps need them.
///
/// Source: Documentation/bpf/btf.rst.
struct BTF: Sendable {
  enum Kind: UInt32 {
    case void, int, pointer, array, structure, union, enumeration, forward, typedef, volatile
    case const, restrict, function, prototype, variable, dataSection, float, declarationTag
    case typeTag, enumeration64

    /// The octets behind the three words that all types have.
    func extraByteCount(_ count: Int) -> Int {
      switch self {
      case .int, .variable, .declarationTag: 4
      case .array: 12
      case .structure, .union, .dataSection, .enumeration64: 12 * count
      case .enumeration, .prototype: 8 * count
      default: 0
      }
    }
  }

  struct Member: Sendable {
    let name: String
    let type: Int
    let offset: Int
  }

  struct Definition: Sendable {
    let kind: Kind
    let name: String
    /// Octets, or another type, by kind.
    let sizeOrType: Int
    /// Of structures, unions and data sections.
    var members: [Member] = []
    /// Of arrays.
    var element = (type: 0, count: 0)
  }

  let types: [Definition]

  /// Reads the section `.BTF`.
  init(_ octets: [UInt8]) throws(ObjectError) {
    func field(_ index: Int) -> Int { Int(octets.value(at: 4 * index, as: UInt32.self) ?? 0) }
    guard octets.value(at: 0, as: UInt16.self) == 0xeb9f, octets.count >= 24 else {
      throw ObjectError(".BTF", .damaged("it does not begin like type information"))
    }
    let header = field(1)
    let start = header + field(2)
    let strings = header + field(4)
    let end = start + field(3)
    guard end <= octets.count, strings <= octets.count, strings + field(5) <= octets.count else {
      throw ObjectError(".BTF", .damaged("a part of it lies behind its end"))
    }
    var reader = Reader(octets: octets, position: start, strings: strings)
    var types = [Definition(kind: .void, name: "", sizeOrType: 0)]
    while reader.position < end { types.append(try reader.next()) }
    self.types = types
  }

  private struct Reader {
    let octets: [UInt8]
    var position: Int
    let strings: Int

    func word(_ offset: Int) throws(ObjectError) -> Int {
      guard let word = octets.value(at: position + offset, as: UInt32.self) else {
        throw ObjectError(".BTF", .damaged("a type is cut short"))
      }
      return Int(word)
    }

    func name(_ offset: Int) throws(ObjectError) -> String {
      guard let name = octets.text(at: strings + (try word(offset))) else {
        throw ObjectError(".BTF", .damaged("a name lies outside"))
      }
      return name
    }

    mutating func next() throws(ObjectError) -> Definition {
      let info = try word(4)
      let count = info & 0xffff
      guard let kind = Kind(rawValue: UInt32(info >> 24 & 31)) else {
        throw ObjectError(".BTF", .damaged("kind \(info >> 24 & 31) is unknown"))
      }
      var type = Definition(kind: kind, name: try name(0), sizeOrType: try word(8))
      position += 12
      if kind == .array { type.element = (try word(0), try word(8)) }
      if kind == .structure || kind == .union {
        for index in 0..<count {
          let at = 12 * index
          let member = Member(name: try name(at), type: try word(at + 4), offset: try word(at + 8))
          type.members.append(member)
        }
      }
      if kind == .dataSection {
        for index in 0..<count {
          let type0 = try word(12 * index)
          type.members.append(Member(name: "", type: type0, offset: try word(12 * index + 4)))
        }
      }
      position += kind.extraByteCount(count)
      return type
    }
  }
}

extension BTF {
  /// What a type is when its names and qualifiers are taken off; nil if it names itself or nothing.
  func resolved(_ type: Int) -> Definition? {
    var index = type
    for _ in 0..<32 {
      guard types.indices.contains(index) else { return nil }
      switch types[index].kind {
      case .typedef, .volatile, .const, .restrict, .typeTag: index = types[index].sizeOrType
      default: return types[index]
      }
    }
    return nil
  }

  /// The octets of a type; nil if it has no size.
  func byteCount(_ type: Int, depth: Int = 0) -> Int? {
    guard depth < 32, let definition = resolved(type) else { return nil }
    switch definition.kind {
    case .int, .structure, .union, .enumeration, .float, .enumeration64:
      return definition.sizeOrType
    case .pointer: return 8
    case .array:
      guard let element = byteCount(definition.element.type, depth: depth + 1) else { return nil }
      let (product, overflows) = element.multipliedReportingOverflow(by: definition.element.count)
      return overflows ? nil : product
    default: return nil
    }
  }
}
