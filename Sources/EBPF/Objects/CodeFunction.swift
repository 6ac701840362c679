// SPDX-License-Identifier: Apache-2.0

/// A function of an object: where its slots lie.
struct CodeFunction: Equatable, Sendable {
  let name: String
  let section: Int
  /// In slots from the beginning of the section.
  let slots: Range<Int>

  /// The functions of an object, by section and rising start.
  static func all(of image: ELFImage) throws(ObjectError) -> [CodeFunction] {
    var functions: [CodeFunction] = []
    for (index, section) in image.sections.enumerated()
    where section.isCode && !section.octets.isEmpty {
      guard section.octets.count % 8 == 0 else {
        throw ObjectError(section.name, .damaged("half an instruction at its end"))
      }
      functions += try functionsOf(section, index, image)
    }
    return functions
  }

  private static func functionsOf(
    _ section: ELFImage.Section, _ index: Int, _ image: ELFImage
  ) throws(ObjectError) -> [CodeFunction] {
    let slotCount = section.octets.count / 8
    var symbols = image.symbols.filter { $0.section == index && $0.kind == .function }
    // Compilers of the first years did not mark functions; their labels inside functions are local.
    if symbols.isEmpty {
      symbols = image.symbols.filter {
        $0.section == index && $0.kind == ELFImage.Symbol.Kind.none && $0.isGlobal
      }
    }
    if symbols.isEmpty {
      return [CodeFunction(name: section.name, section: index, slots: 0..<slotCount)]
    }
    symbols.sort { $0.value < $1.value }
    var functions: [CodeFunction] = []
    for (position, symbol) in symbols.enumerated() {
      let next = position + 1 < symbols.count ? symbols[position + 1].value : section.octets.count
      let end = symbol.byteCount > 0 ? symbol.value + symbol.byteCount : next
      guard symbol.value % 8 == 0, end % 8 == 0, symbol.value < end, end <= section.octets.count
      else { throw ObjectError(symbol.name, .damaged("the function lies outside its section")) }
      functions.append(
        CodeFunction(name: symbol.name, section: index, slots: symbol.value / 8..<end / 8))
    }
    return functions
  }
}
