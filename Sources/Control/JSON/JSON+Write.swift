// SPDX-License-Identifier: Apache-2.0

extension JSON: CustomStringConvertible {
  /// The value as JSON text on one line, without spaces.
  public var description: String { String(decoding: text, as: UTF8.self) }

  /// The value as octets of JSON text on one line, without spaces and without a newline.
  ///
  /// Numbers that JSON cannot express (infinite, not a number) become `null`.
  public var text: [UInt8] {
    var output: [UInt8] = []
    write(into: &output)
    return output
  }

  private func write(into output: inout [UInt8]) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .boolean(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): output.append(contentsOf: String(value).utf8)
    case .number(let value):
      output.append(contentsOf: (value.isFinite ? String(value) : "null").utf8)
    case .string(let value): JSON.write(value, into: &output)
    case .array(let elements): JSON.write(elements, into: &output)
    case .object(let object): JSON.write(object, into: &output)
    }
  }

  private static func write(_ elements: [JSON], into output: inout [UInt8]) {
    output.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      element.write(into: &output)
    }
    output.append(UInt8(ascii: "]"))
  }

  private static func write(_ object: Object, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "{"))
    for (index, member) in object.members.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      write(member.name, into: &output)
      output.append(UInt8(ascii: ":"))
      member.value.write(into: &output)
    }
    output.append(UInt8(ascii: "}"))
  }

  private static func write(_ string: String, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): output.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): output.append(contentsOf: "\\\\".utf8)
      case 0x0A: output.append(contentsOf: "\\n".utf8)
      case 0x0D: output.append(contentsOf: "\\r".utf8)
      case 0x09: output.append(contentsOf: "\\t".utf8)
      // DEL is legal JSON but, like the others, nothing a terminal should be sent.
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        output.append(contentsOf: "\\u".utf8)
        output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
        output.append(contentsOf: digits.utf8)
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
