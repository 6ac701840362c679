// SPDX-License-Identifier: Apache-2.0

/// Recursive descent over octets; every read is bounds-checked by `peek`.
struct JSONParser {
  let text: [UInt8]
  let depthLimit: Int
  var index = 0
  var depth = 0

  init(text: [UInt8], depthLimit: Int) {
    self.text = text
    self.depthLimit = depthLimit
  }

  var peek: UInt8? { index < text.count ? text[index] : nil }

  func failure(_ reason: JSON.SyntaxError.Reason) -> JSON.SyntaxError {
    JSON.SyntaxError(reason: peek == nil ? .unexpectedEnd : reason, offset: index)
  }

  mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      index += 1
    }
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    index += 1
    return true
  }

  mutating func document() throws(JSON.SyntaxError) -> JSON {
    skipSpace()
    let value = try value()
    skipSpace()
    guard peek == nil else { throw failure(.trailingBytes) }
    return value
  }

  mutating func value() throws(JSON.SyntaxError) -> JSON {
    switch peek {
    case UInt8(ascii: "{"): try object()
    case UInt8(ascii: "["): try array()
    case UInt8(ascii: "\""): .string(try string())
    case UInt8(ascii: "t"): try word("true", .boolean(true))
    case UInt8(ascii: "f"): try word("false", .boolean(false))
    case UInt8(ascii: "n"): try word("null", .null)
    case UInt8(ascii: "-"), (UInt8(ascii: "0")...UInt8(ascii: "9"))?: try number()
    default: throw failure(.unexpectedByte)
    }
  }

  /// Steps over the bracket that opens a list or an object.
  mutating func open() throws(JSON.SyntaxError) {
    guard depth < depthLimit else { throw failure(.tooDeep) }
    depth += 1
    index += 1
    skipSpace()
  }

  mutating func word(_ word: StaticString, _ value: JSON) throws(JSON.SyntaxError) -> JSON {
    for byte in word.description.utf8 {
      guard take(byte) else { throw failure(.unexpectedByte) }
    }
    return value
  }

  mutating func array() throws(JSON.SyntaxError) -> JSON {
    try open()
    defer { depth -= 1 }
    var elements: [JSON] = []
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value())
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw failure(.unexpectedByte) }
      skipSpace()
    }
  }

  mutating func object() throws(JSON.SyntaxError) -> JSON {
    try open()
    defer { depth -= 1 }
    var members: [JSON.Object.Member] = []
    var names: Set<String> = []
    if take(UInt8(ascii: "}")) { return .object(JSON.Object()) }
    while true {
      let start = index
      guard peek == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
      let name = try string()
      guard names.insert(name).inserted else {
        throw JSON.SyntaxError(reason: .duplicateName, offset: start)
      }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw failure(.unexpectedByte) }
      skipSpace()
      members.append(JSON.Object.Member(name, try value()))
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(JSON.Object(distinct: members)) }
      guard take(UInt8(ascii: ",")) else { throw failure(.unexpectedByte) }
      skipSpace()
    }
  }
}
