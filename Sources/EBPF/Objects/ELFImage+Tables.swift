// SPDX-License-Identifier: Apache-2.0

extension ELFImage {
  static func readSymbols(_ sections: [Section]) throws(ObjectError) -> [Symbol] {
    guard let table = sections.first(where: { $0.type == 2 }) else { return [] }
    guard sections.indices.contains(table.link) else {
      throw ObjectError(table.name, .damaged("its names are in no section"))
    }
    let names = sections[table.link].octets
    var symbols: [Symbol] = []
    for position in stride(from: 0, to: table.octets.count - 23, by: 24) {
      symbols.append(try readSymbol(table.octets, at: position, names, sections))
    }
    return symbols
  }

  private static func readSymbol(
    _ octets: [UInt8], at position: Int, _ names: [UInt8], _ sections: [Section]
  ) throws(ObjectError) -> Symbol {
    let info = octets[position + 4]
    let section = octets.value(at: position + 6, as: UInt16.self) ?? 0
    let value = octets.value(at: position + 8, as: UInt64.self) ?? 0
    let byteCount = octets.value(at: position + 16, as: UInt64.self) ?? 0
    guard let name = names.text(at: Int(octets.value(at: position, as: UInt32.self) ?? 0)),
      value <= maximumByteCount, byteCount <= maximumByteCount
    else {
      throw ObjectError("symbol \(position / 24)", .damaged("its name or place is nowhere"))
    }
    // Numbers from 0xff00 on are no sections: absolute values and the like.
    guard section >= 0xff00 || Int(section) < sections.count else {
      throw ObjectError(
        "symbol \(name)", .damaged("it is in section \(section), of which there is none"))
    }
    let kind = Symbol.Kind(rawValue: info & 15)
    return Symbol(
      name: kind == .section && section < 0xff00 ? sections[Int(section)].name : name, kind: kind,
      isGlobal: info >> 4 != 0, section: Int(section), value: Int(value), byteCount: Int(byteCount))
  }

  static func readRelocations(
    _ sections: [Section], symbolCount: Int
  ) throws(ObjectError) -> [Int: [Relocation]] {
    var relocations: [Int: [Relocation]] = [:]
    for table in sections where table.type == 9 {
      guard sections.indices.contains(table.info) else {
        throw ObjectError(table.name, .damaged("it changes a section that is not there"))
      }
      let size = sections[table.info].octets.count
      for position in stride(from: 0, to: table.octets.count - 15, by: 16) {
        let offset = table.octets.value(at: position, as: UInt64.self) ?? 0
        let kind = table.octets.value(at: position + 8, as: UInt32.self) ?? 0
        let symbol = Int(table.octets.value(at: position + 12, as: UInt32.self) ?? 0)
        guard offset < size, symbol < symbolCount else {
          throw ObjectError(table.name, .damaged("entry \(position / 16) points nowhere"))
        }
        relocations[table.info, default: []].append(
          Relocation(offset: Int(offset), kind: kind, symbol: symbol))
      }
    }
    return relocations.mapValues { $0.sorted { $0.offset < $1.offset } }
  }
}
