// SPDX-License-Identifier: Apache-2.0

internal import CLibELF

/// The sections of an object file, copied out of it once, with its symbols and relocations.
struct ELFImage: Sendable {
  /// The octets that an object may have, its uninitialised data included.
  static let maximumByteCount = 64 << 20

  struct Section: Sendable {
    var name = ""
    let type: UInt32
    let flags: UInt64
    let link: Int
    let info: Int
    /// Zeros for uninitialised data.
    let octets: [UInt8]

    var isCode: Bool { type == 1 && flags & 4 != 0 }
  }

  struct Symbol: Sendable {
    enum Kind: UInt8 { case none, object, function, section }

    let name: String
    /// Nil for what another binding or processor defines; such symbols are of no use here.
    let kind: Kind?
    let isGlobal: Bool
    let section: Int
    let value: Int
    let byteCount: Int
  }

  struct Relocation: Sendable {
    let offset: Int
    let kind: UInt32
    let symbol: Int
  }

  let sections: [Section]
  let symbols: [Symbol]
  /// By the section that they change, in order of their offsets.
  let relocations: [Int: [Relocation]]

  /// Reads a file.
  init(_ octets: [UInt8]) throws(ObjectError) {
    try ELFImage.checkHeader(octets)
    sections = try ELFImage.readSections(octets)
    symbols = try ELFImage.readSymbols(sections)
    relocations = try ELFImage.readRelocations(sections, symbolCount: symbols.count)
  }

  func section(named name: String) -> Int? { sections.firstIndex { $0.name == name } }

  private static func checkHeader(_ octets: [UInt8]) throws(ObjectError) {
    guard octets.count >= 64, octets.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      throw ObjectError("file", .notBPF("not an ELF file"))
    }
    guard octets.count <= maximumByteCount else {
      throw ObjectError("file", .notBPF("longer than \(maximumByteCount) octets"))
    }
    guard octets[4] == 2, octets[5] == 1 else {
      throw ObjectError("file", .notBPF("not 64-bit little-endian"))
    }
    // Objects of the first compilers name no machine.
    let machine = octets.value(at: 18, as: UInt16.self) ?? 0
    guard machine == 247 || machine == 0, octets.value(at: 16, as: UInt16.self) == 1 else {
      throw ObjectError("file", .notBPF("not a relocatable object for BPF"))
    }
  }

  private static func readSections(_ octets: [UInt8]) throws(ObjectError) -> [Section] {
    // The library may change what it is given, so it gets a copy.
    var copy = octets
    let read = unsafe copy.withUnsafeMutableBytes { unsafe copySections($0) }
    guard let (found, names) = read, found.indices.contains(names.table) else {
      throw ObjectError("file", .damaged("its table of sections cannot be read"))
    }
    var sections = found
    let table = sections[names.table].octets
    for index in sections.indices {
      guard let name = table.text(at: names.offsets[index]) else {
        throw ObjectError("section \(index)", .damaged("it has no name"))
      }
      sections[index].name = name
    }
    return sections
  }

  // Safe: what libelf hands out points into the octets, which live until the end of the call; everything is copied.
  private static func copySections(
    _ octets: UnsafeMutableRawBufferPointer
  ) -> ([Section], (table: Int, offsets: [Int]))? {
    guard elf_version(UInt32(EV_CURRENT)) != 0,
      let base = unsafe octets.baseAddress?.assumingMemoryBound(to: CChar.self),
      let elf = unsafe elf_memory(base, octets.count)
    else { return nil }
    defer { _ = unsafe elf_end(elf) }
    var table = 0
    guard unsafe elf_getshdrstrndx(elf, &table) == 0 else { return nil }
    // Section 0 is the reserved one, which libelf does not iterate over.
    var sections = [Section(type: 0, flags: 0, link: 0, info: 0, octets: [])]
    var offsets = [0]
    var budget = maximumByteCount
    var next = unsafe elf_nextscn(elf, nil)
    while let handle = unsafe next {
      guard let header = unsafe elf64_getshdr(handle)?.pointee, header.sh_size <= budget
      else { return nil }
      budget -= Int(header.sh_size)
      var content: [UInt8] = []
      if header.sh_type == 8 {
        content = Array(repeating: 0, count: Int(header.sh_size))
      } else if header.sh_size > 0 {
        guard let data = unsafe elf_rawdata(handle, nil)?.pointee else { return nil }
        content = unsafe Array(UnsafeRawBufferPointer(start: data.d_buf, count: data.d_size))
      }
      sections.append(
        Section(
          type: header.sh_type, flags: header.sh_flags, link: Int(header.sh_link),
          info: Int(header.sh_info), octets: content))
      offsets.append(Int(header.sh_name))
      unsafe next = unsafe elf_nextscn(elf, handle)
    }
    return (sections, (table, offsets))
  }
}
