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
    var parser = JSONParser(text: text, depthLimit: limits.depth)
    self = try parser.document()
  }

  /// Parses one JSON text.
  public init(parsing text: String, limits: Limits = Limits()) throws(SyntaxError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }
}
