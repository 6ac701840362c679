// SPDX-License-Identifier: Apache-2.0

/// Finds the maps of an object: defined with types, defined by number, and the sections of variables.
struct MapReader {
  /// A map and where its definition lies, which is how relocations name it.
  struct Placed: Sendable {
    let section: Int
    /// Nil where the map is the whole section.
    let offset: Int?
    var spec: MapSpec
  }

  let image: ELFImage

  func read() throws(ObjectError) -> [Placed] {
    try typedMaps() + legacyMaps() + variables()
  }

  /// Variables are arrays of one value.
  private func variables() throws(ObjectError) -> [Placed] {
    image.sections.indices.compactMap { index in
      let section = image.sections[index]
      guard [".rodata", ".data", ".bss"].contains(where: section.isVariables),
        !section.octets.isEmpty
      else { return nil }
      var spec = MapSpec(
        name: section.name, type: 2, keyByteCount: 4,
        valueByteCount: UInt32(section.octets.count), maximumEntries: 1)
      spec.isReadOnly = section.name.hasPrefix(".rodata")
      spec.contents = section.octets
      return Placed(section: index, offset: nil, spec: spec)
    }
  }

  // MARK: Definitions by number

  /// `struct bpf_map_def` of 20 octets or more, or iproute2's `struct bpf_elf_map`, whose first five words agree.
  private func legacyMaps() throws(ObjectError) -> [Placed] {
    var maps: [Placed] = []
    for (index, section) in image.sections.enumerated()
    where section.name == "maps" || section.name.hasPrefix("maps/") {
      let symbols = image.symbols.filter {
        $0.section == index && $0.kind != .section && !$0.name.isEmpty
      }
      for symbol in symbols.sorted(by: { $0.value < $1.value }) {
        func word(_ number: Int) -> UInt32? {
          section.octets.value(at: symbol.value + 4 * number, as: UInt32.self)
        }
        guard let type = word(0), let key = word(1), let value = word(2), let entries = word(3)
        else { throw ObjectError(symbol.name, .damaged("its definition is cut short")) }
        let spec = MapSpec(
          name: symbol.name, type: type, keyByteCount: key, valueByteCount: value,
          maximumEntries: entries, flags: word(4) ?? 0)
        maps.append(Placed(section: index, offset: symbol.value, spec: spec))
      }
    }
    return maps
  }

  // MARK: Definitions with types

  private func typedMaps() throws(ObjectError) -> [Placed] {
    guard let index = image.section(named: ".maps") else { return [] }
    guard let section = image.section(named: ".BTF") else {
      throw ObjectError(".maps", .mapDefinition("there is no type information; compile with -g"))
    }
    let types = try BTF(image.sections[section].octets)
    var maps: [Placed] = []
    for member in types.types.first(where: { $0.kind == .dataSection && $0.name == ".maps" })?
      .members ?? []
    {
      guard types.types.indices.contains(member.type) else {
        throw ObjectError(".maps", .damaged("a variable has no type"))
      }
      let variable = types.types[member.type]
      let symbol = image.symbols.first { $0.section == index && $0.name == variable.name }
      guard let symbol else {
        throw ObjectError(variable.name, .damaged("the map has no symbol"))
      }
      let place = symbol.value..<(symbol.value + symbol.byteCount)
      let reader = TypedMapReader(types: types, image: image, section: index, place: place)
      let spec = try reader.read(variable.name, type: variable.sizeOrType)
      maps.append(Placed(section: index, offset: symbol.value, spec: spec))
    }
    return maps
  }
}

extension ELFImage.Section {
  func isVariables(_ prefix: String) -> Bool {
    (type == 1 || type == 8) && !isCode && (name == prefix || name.hasPrefix(prefix + "."))
  }
}

/// Reads one definition of `.maps`: a structure whose members' types hold the numbers.
struct TypedMapReader {
  let types: BTF
  let image: ELFImage
  let section: Int
  /// Where the definition lies in the section.
  let place: Range<Int>

  func read(_ name: String, type: Int, isInner: Bool = false) throws(ObjectError) -> MapSpec {
    guard let structure = types.resolved(type), structure.kind == .structure else {
      throw ObjectError(name, .mapDefinition("its type is not a structure"))
    }
    var spec = MapSpec(name: name, type: 0)
    for member in structure.members {
      switch member.name {
      case "type": spec.type = try number(member, name)
      case "max_entries": spec.maximumEntries = try number(member, name)
      case "map_flags": spec.flags = try number(member, name)
      case "key_size": spec.keyByteCount = try number(member, name)
      case "value_size": spec.valueByteCount = try number(member, name)
      case "key": spec.keyByteCount = try size(member, name)
      case "value": spec.valueByteCount = try size(member, name)
      case "values" where !isInner: try readValues(member, into: &spec)
      case "pinning", "numa_node", "map_extra": break
      default: throw ObjectError(name, .mapDefinition("its member \(member.name) is unknown"))
      }
    }
    return spec
  }

  /// A number is the length of the array that a member points to.
  private func number(_ member: BTF.Member, _ map: String) throws(ObjectError) -> UInt32 {
    guard let pointer = types.resolved(member.type), pointer.kind == .pointer,
      let array = types.resolved(pointer.sizeOrType), array.kind == .array,
      let number = UInt32(exactly: array.element.count)
    else { throw ObjectError(map, .mapDefinition("\(member.name) is no number")) }
    return number
  }

  private func size(_ member: BTF.Member, _ map: String) throws(ObjectError) -> UInt32 {
    guard let pointer = types.resolved(member.type), pointer.kind == .pointer,
      let size = types.byteCount(pointer.sizeOrType), let size = UInt32(exactly: size)
    else { throw ObjectError(map, .mapDefinition("\(member.name) has no size")) }
    return size
  }

  /// The maps or programs that a map holds: their shape from the type, their names from the relocations.
  private func readValues(_ member: BTF.Member, into spec: inout MapSpec) throws(ObjectError) {
    guard let array = types.resolved(member.type), array.kind == .array,
      let pointer = types.resolved(array.element.type), pointer.kind == .pointer,
      let target = types.resolved(pointer.sizeOrType)
    else { throw ObjectError(spec.name, .mapDefinition("values is no array of pointers")) }
    spec.valueByteCount = 4
    if target.kind == .structure {
      spec.inner = [try read("\(spec.name).inner", type: pointer.sizeOrType, isInner: true)]
    }
    let first = place.lowerBound + member.offset / 8
    for relocation in image.relocations[section] ?? []
    where relocation.offset >= first && relocation.offset < place.upperBound {
      spec.initialEntries.append(
        MapSpec.Entry(
          index: UInt32((relocation.offset - first) / 8),
          symbol: image.symbols[relocation.symbol].name))
    }
  }
}
