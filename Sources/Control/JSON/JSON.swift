// SPDX-License-Identifier: Apache-2.0

/// One JSON value.
///
/// Objects keep the order of their members, so that what is written is stable from run to run. Whole
/// numbers that fit stay whole: a counter never passes through a floating-point number.
public enum JSON: Sendable, Equatable {
  /// The value `null`.
  case null
  /// `true` or `false`.
  case boolean(Bool)
  /// A number written without fraction and exponent that fits into 64 bits.
  case integer(Int)
  /// Any other number; never infinite, never NaN, when it comes from the parser.
  case number(Double)
  /// A string.
  case string(String)
  /// A list of values.
  case array([JSON])
  /// A list of named values.
  case object(Object)

  /// The members of a JSON object in the order they were written.
  public struct Object: Sendable, Equatable {
    /// One name and its value.
    public struct Member: Sendable, Equatable {
      /// The member's name.
      public var name: String
      /// The member's value.
      public var value: JSON

      /// Creates a member.
      public init(_ name: String, _ value: JSON) {
        self.name = name
        self.value = value
      }
    }

    /// The members, first written first.
    public private(set) var members: [Member]

    /// Creates an object without members.
    public init() { members = [] }

    /// Adopts members whose names the caller knows to be distinct.
    init(distinct members: [Member]) { self.members = members }

    /// The value of a member; nil where there is none.
    ///
    /// Setting nil removes the member; setting a new name appends it.
    ///
    /// - Complexity: O(members).
    public subscript(name: String) -> JSON? {
      get { members.first { $0.name == name }?.value }
      set {
        let index = members.firstIndex { $0.name == name }
        switch (index, newValue) {
        case (let index?, let value?): members[index].value = value
        case (let index?, nil): members.remove(at: index)
        case (nil, let value?): members.append(Member(name, value))
        case (nil, nil): break
        }
      }
    }
  }
}

extension JSON {
  /// Creates a number from a counter.
  ///
  /// A count of 2^63 or more becomes the nearest floating-point number.
  public init(_ count: UInt64) {
    if let whole = Int(exactly: count) {
      self = .integer(whole)
    } else {
      self = .number(Double(count))
    }
  }

  /// The value of an object's member; nil where there is none or this is no object.
  public subscript(name: String) -> JSON? {
    guard case .object(let object) = self else { return nil }
    return object[name]
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// Creates a string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Creates a whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// Creates a number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Creates `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// Creates `null`.
  public init(nilLiteral: ()) { self = .null }
  /// Creates a list.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// Creates an object; of a name written twice the last value stays.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Object(elements))
  }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
  /// Creates an object; of a name written twice the last value stays.
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }

  /// Creates an object from pairs; of a name that stands twice the last value stays.
  public init(_ pairs: some Sequence<(String, JSON)>) {
    self.init()
    for (name, value) in pairs { self[name] = value }
  }
}
