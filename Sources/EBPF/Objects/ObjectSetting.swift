// SPDX-License-Identifier: Apache-2.0

internal import Syscalls

/// Something of an object that is set before its programs run, as operators write it.
///
///     map.counters.max_entries=64     how many entries a map has
///     map.ports.53=1                  a value: numbers are little-endian and as long as the map says
///     map.hosts.hex:0a000001=hex:01   keys and values as octets
///     map.jumps.0=parse               a program of a program array, a map of a map of maps
///     rodata.limit=1000               a variable, whichever section it is in
///
/// A value of a map with one for each processor is set for all of them.
public struct ObjectSetting: Equatable, Sendable, CustomStringConvertible {
  /// What is set.
  enum Target: Equatable, Sendable {
    case entryCount(map: String)
    case entry(map: String, key: String)
    case variable(String)
  }

  let target: Target
  let value: String
  /// The setting as it was written.
  public let description: String

  /// Reads a setting.
  ///
  /// - Parameter text: What is to be set, an equals sign, and the value.
  /// - Throws: ``ObjectError`` that says what a setting looks like.
  public init(_ text: String) throws(ObjectError) {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { throw ObjectError(text, .setting) }
    try self.init(parts[0], value: parts[1])
  }

  /// Reads a setting in two parts.
  ///
  /// - Parameters:
  ///   - place: What is to be set.
  ///   - value: To what.
  /// - Throws: ``ObjectError`` that says what a setting looks like.
  public init(_ place: String, value: String) throws(ObjectError) {
    let words = place.split(separator: ".", maxSplits: 2).map(String.init)
    description = "\(place)=\(value)"
    self.value = value
    switch (words.first, words.count) {
    case ("map", 3) where words[2] == "max_entries": target = .entryCount(map: words[1])
    case ("map", 3): target = .entry(map: words[1], key: words[2])
    case ("rodata", 2), ("data", 2), ("bss", 2): target = .variable(words[1])
    default: throw ObjectError(place, .setting)
    }
  }

  /// The octets of a number, or of hex digits behind `hex:`.
  ///
  /// - Returns: nil where it is neither, or does not fit.
  static func octets(_ text: String, count: Int) -> [UInt8]? {
    if text.hasPrefix("hex:") {
      let digits = text.dropFirst(4).compactMap(\.hexDigitValue)
      guard digits.count == 2 * count, text.count == 4 + digits.count else { return nil }
      return (0..<count).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
    }
    let isHexadecimal = text.hasPrefix("0x")
    let word =
      isHexadecimal
      ? UInt64(text.dropFirst(2), radix: 16)
      : UInt64(text) ?? Int64(text).map { UInt64(bitPattern: $0) }
    guard let word else { return nil }
    let isNegative = text.hasPrefix("-")
    let octets = (0..<max(count, 8)).map { place in
      place < 8 ? UInt8(truncatingIfNeeded: word >> (8 * place)) : isNegative ? 0xff : 0
    }
    let rest = octets.dropFirst(count)
    guard rest.allSatisfy({ $0 == (isNegative ? 0xff : 0) }) else { return nil }
    return Array(octets.prefix(count))
  }
}

extension Object {
  /// Applies the settings that must be made before anything is loaded; the others are looked at, and left.
  ///
  /// - Throws: ``ObjectError`` for a map or variable that is not there, or a value that does not fit.
  public mutating func apply(_ settings: [ObjectSetting]) throws(ObjectError) {
    for setting in settings {
      switch setting.target {
      case .entryCount(let map):
        guard let count = UInt32(setting.value) else {
          throw ObjectError(setting.description, .settingValue(byteCount: 4))
        }
        try configureMap(map) { $0.maximumEntries = count }
      case .variable(let name): try setVariable(name, setting)
      case .entry(let map, _):
        guard maps.contains(where: { $0.name == map }) else {
          throw ObjectError(map, .noMap(known: maps.map(\.name)))
        }
      }
    }
  }

  private mutating func setVariable(
    _ name: String, _ setting: ObjectSetting
  ) throws(ObjectError) {
    guard let count = variableByteCount(name) else { throw ObjectError(name, .noVariable) }
    guard let octets = ObjectSetting.octets(setting.value, count: count) else {
      throw ObjectError(setting.description, .settingValue(byteCount: count))
    }
    try setVariable(name, to: octets)
  }
}

extension LoadedObject {
  /// Fills maps as settings say; what must be set before loading is left.
  ///
  /// - Throws: ``LoadError`` for a map that is not there, or a value that does not fit.
  public func apply(_ settings: [ObjectSetting]) throws(LoadError) {
    for setting in settings {
      guard case .entry(let name, let key) = setting.target else { continue }
      let map = try map(named: name)
      try set(map, key, setting)
    }
  }

  private func set(_ map: BPFMap, _ key: String, _ setting: ObjectSetting) throws(LoadError) {
    func misfit(_ byteCount: Int) -> LoadError {
      .object(ObjectError(setting.description, .settingValue(byteCount: byteCount)))
    }
    guard let octets = ObjectSetting.octets(key, count: map.keyByteCount) else {
      throw misfit(map.keyByteCount)
    }
    do {
      if map.kind == .programArray {
        guard let index = octets.value(at: 0, as: UInt32.self) else { throw misfit(4) }
        try map.setProgram(try program(named: setting.value), at: index)
      } else if map.kind.holdsMaps {
        try map.setMap(try self.map(named: setting.value), of: octets)
      } else {
        guard let value = ObjectSetting.octets(setting.value, count: map.valueByteCount) else {
          throw misfit(map.valueByteCount)
        }
        try map.setValue(map.hostValue(value), of: octets)
      }
    } catch let error as LoadError {
      throw error
    } catch let error as Errno {
      throw .value(map: map.spec.name, error)
    } catch {
      throw .memory("\(error)")
    }
  }
}

extension BPFMap {
  /// One value as the host sets it: for each processor the same.
  public func hostValue(_ value: [UInt8]) -> [UInt8] {
    guard kind.isPerCPU else { return value }
    let padded = value + [UInt8](repeating: 0, count: stride - value.count)
    return Array(repeatElement(padded, count: processorCount).joined())
  }
}
