// SPDX-License-Identifier: Apache-2.0

extension JSONParser {
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

extension JSONParser {
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
