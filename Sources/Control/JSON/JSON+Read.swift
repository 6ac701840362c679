// SPDX-License-Identifier: Apache-2.0

extension JSON {
  /// Why a JSON value is not what the reader expected, and where in the document.
  public struct MismatchError: Error, Equatable, CustomStringConvertible {
    /// The path from the document's root, such as `ports[0].rx`.
    public var path: String
    /// What was expected there.
    public var expected: String

    /// Creates an error.
    public init(path: String, expected: String) {
      self.path = path
      self.expected = expected
    }

    /// The path and the expectation as a sentence.
    public var description: String {
      "\(path.isEmpty ? "the document" : path) is not \(expected)"
    }
  }

  /// A value and where it stands, so that a mismatch can be named.
  ///
  /// Unknown members are not looked at: whoever writes may be newer than whoever reads.
  public struct Reader: Sendable {
    /// The value to read.
    public let value: JSON?
    /// The path from the document's root; empty at the root.
    public let path: String

    /// Starts at the root of a document.
    public init(_ value: JSON) { self.init(value, at: "") }

    private init(_ value: JSON?, at path: String) {
      self.value = value
      self.path = path
    }

    /// The member of that name; a reader of nothing where there is none.
    public subscript(name: String) -> Reader { Reader(value?[name], at: below(name)) }

    private func below(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// This reader, or nil where its value is missing or null.
    public var ifPresent: Reader? { value == nil || value == .null ? nil : self }

    private func mismatch(_ expected: String) -> MismatchError {
      MismatchError(path: path, expected: expected)
    }

    /// The value as a string.
    public func string() throws(MismatchError) -> String {
      guard case .string(let string) = value else { throw mismatch("a string") }
      return string
    }

    /// The value as a count: whole, not negative.
    public func count() throws(MismatchError) -> UInt64 {
      switch value {
      case .integer(let whole) where whole >= 0: return UInt64(whole)
      case .number(let number):
        if let whole = UInt64(exactly: number) { return whole }
      default: break
      }
      throw mismatch("a count")
    }

    /// The value as a whole number.
    public func integer() throws(MismatchError) -> Int {
      guard case .integer(let whole) = value else { throw mismatch("a whole number") }
      return whole
    }

    /// The value as a number.
    public func number() throws(MismatchError) -> Double {
      switch value {
      case .integer(let whole): return Double(whole)
      case .number(let number): return number
      default: throw mismatch("a number")
      }
    }

    /// Readers of the elements of a list.
    public func elements() throws(MismatchError) -> [Reader] {
      guard case .array(let elements) = value else { throw mismatch("a list") }
      return elements.enumerated().map { Reader($1, at: "\(path)[\($0)]") }
    }

    /// Names and readers of the members of an object.
    public func members() throws(MismatchError) -> [(name: String, reader: Reader)] {
      guard case .object(let object) = value else { throw mismatch("an object") }
      return object.members.map { (name: $0.name, reader: Reader($0.value, at: below($0.name))) }
    }
  }
}
