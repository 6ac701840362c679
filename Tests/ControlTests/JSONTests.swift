// SPDX-License-Identifier: Apache-2.0

import Control
import Testing

@Suite struct JSONTests {
  @Test(
    arguments: [
      ("null", JSON.null), (" true ", true), ("\tfalse\r\n", false), ("0", 0), ("-1", -1),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5", 1.5), ("1e3", 1000.0),
      ("-0", .number(-0.0)), ("2E-2", 0.02), ("\"\"", ""), ("[]", .array([])), ("{}", .object([:])),
      ("[1, [2, {\"a\": null}]]", [1, [2, ["a": nil]]]),
      (#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00""#, "\"\\/\u{8}\u{c}\n\r\tAé€😀"),
      ("\"é€😀\"", "é€😀"),
    ] as [(String, JSON)])
  func validTextsParse(text: String, value: JSON) throws {
    #expect(try JSON(parsing: text) == value)
  }

  @Test(arguments: [
    ("", JSON.SyntaxError.Reason.unexpectedEnd, 0), (" ", .unexpectedEnd, 1),
    ("nul", .unexpectedEnd, 3), ("nulL", .unexpectedByte, 3), ("tru e", .unexpectedByte, 3),
    ("1 2", .trailingBytes, 2), ("01", .trailingBytes, 1), ("-", .unexpectedEnd, 1),
    ("+1", .unexpectedByte, 0), ("1.", .unexpectedEnd, 2), (".5", .unexpectedByte, 0),
    ("1.e5", .badNumber, 2), ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3),
    ("1e999", .badNumber, 0), ("0x10", .trailingBytes, 1), ("NaN", .unexpectedByte, 0),
    ("Infinity", .unexpectedByte, 0), ("[1,]", .unexpectedByte, 3), ("[1 2]", .unexpectedByte, 3),
    ("[", .unexpectedEnd, 1), ("{\"a\":1,}", .unexpectedByte, 7), ("{a:1}", .unexpectedByte, 1),
    ("{\"a\" 1}", .unexpectedByte, 5), ("{\"a\":}", .unexpectedByte, 5),
    ("{\"a\":1,\"a\":2}", .duplicateName, 7), ("{\"a\":1,\"\\u0061\":2}", .duplicateName, 7),
    ("\"abc", .unexpectedEnd, 4), ("\"\u{1}\"", .controlCharacter, 1),
    ("\"\n\"", .controlCharacter, 1),
    (#""\x""#, .badEscape, 2), (#""\u12g4""#, .badEscape, 5), (#""\u12"#, .unexpectedEnd, 5),
    (#""\ud800""#, .badEscape, 3), (#""\udc00""#, .badEscape, 3),
    (#""\ud800\u0041""#, .badEscape, 3),
    ("// no", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0),
  ])
  func invalidTextsAreRefusedWithTheOffset(
    text: String, reason: JSON.SyntaxError.Reason, offset: Int
  ) {
    #expect(throws: JSON.SyntaxError(reason: reason, offset: offset)) { try JSON(parsing: text) }
  }

  @Test(
    arguments: [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
    ] as [[UInt8]])
  func stringsMustBeUTF8(bytes: [UInt8]) {
    let text = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
    #expect(throws: JSON.SyntaxError(reason: .badEncoding, offset: 0)) { try JSON(parsing: text) }
  }

  @Test func nestingStopsAtTheLimit() throws {
    func nest(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try JSON(parsing: nest(32)) }
    #expect(throws: JSON.SyntaxError(reason: .tooDeep, offset: 32)) { try JSON(parsing: nest(33)) }
    #expect(throws: JSON.SyntaxError(reason: .tooDeep, offset: 32)) {
      try JSON(parsing: String(repeating: "[", count: 1 << 20))
    }
    let objects = String(repeating: "{\"a\":", count: 100_000)
    #expect(throws: JSON.SyntaxError(reason: .tooDeep, offset: 32 * 5)) {
      try JSON(parsing: objects)
    }
    // Siblings are no nesting.
    #expect(throws: Never.self) {
      try JSON(parsing: "[" + String(repeating: "[],", count: 1000) + "[]]")
    }
  }

  @Test func lengthStopsAtTheLimit() {
    let text = String(repeating: " ", count: 1 << 20)
    #expect(throws: JSON.SyntaxError(reason: .tooLong, offset: 1 << 20)) {
      try JSON(parsing: text + "1")
    }
    #expect(throws: Never.self) { try JSON(parsing: text.dropLast() + "1") }
  }

  @Test func manyNamesInOneObjectStayCheap() throws {
    let members = (0..<50_000).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
    let value = try JSON(parsing: "{\(members)}")
    #expect(try JSON.Reader(value).members().count == 50_000)
  }

  @Test func writingKeepsOrderAndEscapes() {
    let value: JSON = [
      "z": 1, "a": [nil, true, -2.5, .number(.infinity), .number(.nan)],
      "text": "\u{0}\u{1f}\u{7f}\"\\\n\r\t/é😀",
    ]
    #expect(
      value.description
        == #"{"z":1,"a":[null,true,-2.5,null,null],"text":"\u0000\u001f\u007f\"\\\n\r\t/é😀"}"#)
  }

  @Test func settingAMemberKeepsItsPlaceAndNilRemovesIt() {
    var object: JSON.Object = ["a": 1, "b": 2, "a": 3]
    #expect(JSON.object(object).description == #"{"a":3,"b":2}"#)
    object["b"] = nil
    object["c"] = nil
    object["d"] = "x"
    #expect(JSON.object(object).description == #"{"a":3,"d":"x"}"#)
  }

  @Test func countersSurviveARoundTrip() throws {
    for count: UInt64 in [0, 1, 1 << 53 + 1, UInt64(Int.max)] {
      let value = try JSON(parsing: JSON(count).text)
      #expect(try JSON.Reader(value).count() == count)
    }
    #expect(JSON(UInt64.max) == .number(Double(UInt64.max)))
  }

  @Test func randomValuesSurviveARoundTrip() throws {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
      let value = generator.value(depth: 4)
      #expect(try JSON(parsing: value.text) == value)
    }
  }

  @Test func randomAndMutatedOctetsNeverTrap() throws {
    var generator = SeededGenerator(seed: 2)
    var parsed = 0
    for round in 0..<20_000 {
      var text = round.isMultiple(of: 2) ? generator.value(depth: 4).text : generator.octets()
      for _ in 0..<Int.random(in: 0...3, using: &generator) where !text.isEmpty {
        let index = text.indices.randomElement(using: &generator) ?? 0
        switch Int.random(in: 0...2, using: &generator) {
        case 0: text[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: text.remove(at: index)
        default: text.removeLast(text.count - index)
        }
      }
      guard let value = try? JSON(parsing: text) else { continue }
      parsed += 1
      // Whatever is accepted is written so that it is accepted again, as the same value.
      #expect(try JSON(parsing: value.text) == value)
    }
    #expect(parsed > 2000)
  }
}

@Suite struct JSONReaderTests {
  let reader = JSON.Reader([
    "name": "wan", "count": 3, "whole": 4.0, "half": 0.5, "negative": -1, "nothing": nil,
    "list": [["rx": "x"]],
  ])

  @Test func valuesAreReadByKind() throws {
    #expect(try reader["name"].string() == "wan")
    #expect(try reader["count"].count() == 3)
    #expect(try reader["whole"].count() == 4)
    #expect(try reader["negative"].integer() == -1)
    #expect(try reader["count"].number() == 3)
    #expect(try reader["half"].number() == 0.5)
    #expect(reader["nothing"].ifPresent == nil)
    #expect(reader["absent"].ifPresent == nil)
  }

  @Test func mismatchesNameThePath() throws {
    let element = try reader["list"].elements()[0]
    #expect(throws: JSON.MismatchError(path: "list[0].rx", expected: "a count")) {
      try element["rx"].count()
    }
    for name in ["negative", "half", "name", "nothing", "absent"] {
      #expect(throws: JSON.MismatchError(path: name, expected: "a count")) {
        try reader[name].count()
      }
    }
    #expect(throws: JSON.MismatchError(path: "count.deeper", expected: "a string")) {
      try reader["count"]["deeper"].string()
    }
    let error = #expect(throws: JSON.MismatchError.self) { try reader.elements() }
    #expect(error?.description == "the document is not a list")
  }
}
