// SPDX-License-Identifier: Apache-2.0

extension JSON {
  /// How much a text may ask of the parser.
  public struct Limits: Sendable {
    /// The longest text, in octets.
    public var byteCount: Int
    /// The deepest nesting of lists and objects; the parser recurses this often at most.
    public var depth: Int

    /// Creates limits; the defaults are those of the control protocol.
    public init(byteCount: Int = 1 << 20, depth: Int = 32) {
      self.byteCount = byteCount
      self.depth = depth
    }
  }

  /// Why a text is not JSON, and where.
  public struct SyntaxError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: String, Sendable {
      /// The text is over the limit.
      case tooLong = "the text is too long"
      /// Lists and objects are nested over the limit.
      case tooDeep = "the nesting is too deep"
      /// The text stops inside a value.
      case unexpectedEnd = "the text ends too early"
      /// An octet that cannot stand here.
      case unexpectedByte = "this character cannot stand here"
      /// Something follows the value.
      case trailingBytes = "something follows the value"
      /// A number that breaks the grammar or is beyond the range of a double.
      case badNumber = "not a number"
      /// A backslash with something unknown after it, or half a surrogate pair.
      case badEscape = "not an escape sequence"
      /// Text that is not UTF-8.
      case badEncoding = "not UTF-8"
      /// A control character inside a string.
      case controlCharacter = "a control character inside a string"
      /// A name that stands twice in one object.
      case duplicateName = "a name stands twice in one object"
    }

    /// What is wrong.
    public var reason: Reason
    /// The octet where it was noticed.
    public var offset: Int

    /// Creates an error.
    public init(reason: Reason, offset: Int) {
      self.reason = reason
      self.offset = offset
    }

    /// The reason and the offset as a sentence.
    public var description: String { "\(reason.rawValue) (octet \(offset))" }
  }

  /// Parses one JSON text (RFC 8259, strictly).
  ///
  /// A pure function that never traps, whatever the octets are. White space around the value is allowed,
  /// anything else is not; names must be unique within their object.
  ///
  /// - Parameters:
  ///   - text: The octets; `limits.byteCount` at most.
  ///   - limits: How long and how deep the text may be.
  /// - Throws: ``SyntaxError`` with the offset of the first octet that is wrong.
  public init(parsing text: [UInt8], limits: Limits = Limits()) throws(SyntaxError) {
    guard text.count <= limits.byteCount else {
      throw SyntaxError(reason: .tooLong, offset: limits.byteCount)
    }
    var parser = Parser(text: text, depthLimit: limits.depth)
    self = try parser.document()
  }

  /// Parses one JSON text.
  public init(parsing text: String, limits: Limits = Limits()) throws(SyntaxError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }
}

/// Recursive descent over octets; every read is bounds-checked by `peek`.
private struct Parser {
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

// MARK: - Strings

extension Parser {
  mutating func string() throws(JSON.SyntaxError) -> String {
    let start = index
    index += 1
    var bytes: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw JSON.SyntaxError(reason: .badEncoding, offset: start)
        }
        return string
      case UInt8(ascii: "\\"):
        index += 1
        try escape(into: &bytes)
      case 0..<0x20:
        throw failure(.controlCharacter)
      default:
        bytes.append(byte)
        index += 1
      }
    }
    throw failure(.unexpectedEnd)
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(JSON.SyntaxError) {
    let byte: UInt8
    switch peek {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte = text[index]
    case UInt8(ascii: "b"): byte = 0x08
    case UInt8(ascii: "f"): byte = 0x0C
    case UInt8(ascii: "n"): byte = 0x0A
    case UInt8(ascii: "r"): byte = 0x0D
    case UInt8(ascii: "t"): byte = 0x09
    case UInt8(ascii: "u"):
      index += 1
      bytes.append(contentsOf: String(Character(try scalar())).utf8)
      return
    default: throw failure(.badEscape)
    }
    bytes.append(byte)
    index += 1
  }

  private mutating func scalar() throws(JSON.SyntaxError) -> Unicode.Scalar {
    let start = index
    let high = try hexadecimal()
    if let scalar = Unicode.Scalar(high) { return scalar }
    // Outside the scalars are only the surrogates, which must come as a pair.
    guard high < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
      throw JSON.SyntaxError(reason: .badEscape, offset: start)
    }
    let low = try hexadecimal()
    guard 0xDC00...0xDFFF ~= low,
      let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    else { throw JSON.SyntaxError(reason: .badEscape, offset: start) }
    return scalar
  }

  private mutating func hexadecimal() throws(JSON.SyntaxError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure(.badEscape)
      }
      value = value << 4 | UInt32(digit)
      index += 1
    }
    return value
  }
}

// MARK: - Numbers

extension Parser {
  mutating func number() throws(JSON.SyntaxError) -> JSON {
    let start = index
    _ = take(UInt8(ascii: "-"))
    // A leading zero stands alone: 01 is two values.
    if !take(UInt8(ascii: "0")) { try digits() }
    let isWhole =
      peek != UInt8(ascii: ".") && peek != UInt8(ascii: "e") && peek != UInt8(ascii: "E")
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    let spelling = String(decoding: text[start..<index], as: UTF8.self)
    if isWhole, let whole = Int(spelling), whole != 0 || spelling == "0" { return .integer(whole) }
    guard let number = Double(spelling), number.isFinite else {
      throw JSON.SyntaxError(reason: .badNumber, offset: start)
    }
    return .number(number)
  }

  private mutating func digits() throws(JSON.SyntaxError) {
    let start = index
    while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { index += 1 }
    guard index > start else { throw failure(.badNumber) }
  }
}
