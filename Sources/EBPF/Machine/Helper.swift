// SPDX-License-Identifier: Apache-2.0

/// A function that programs may call: five arguments, and the run it is called from.
///
/// Arguments are whatever the program left in r1 to r5. A pointer among them is an offset in the arena window, which
/// the helper follows through ``RunContext/memory`` only; a map is a handle. Never follow one as an address. The last
/// argument is ``RunContext/init(_:)``'s. Generated code calls this directly, so it captures nothing.
public typealias Helper =
  @convention(c) (
    UInt64, UInt64, UInt64, UInt64, UInt64, UnsafeMutableRawPointer
  ) -> UInt64

/// The functions that a program may call, by number.
///
/// Filled while a program is being prepared; generated code holds the addresses, the table is not consulted again.
@safe
public struct HelperTable: @unchecked Sendable {
  /// Numbers below this can be registered.
  public static let capacity = 512

  // Safe: function pointers without captures, never freed.
  private(set) var functions: [Helper?] = unsafe Array(repeating: nil, count: HelperTable.capacity)

  /// The helper that finds the value of a map's key: generated code does so itself where the map is an array that it
  /// knows; nil leaves all lookups to the helper.
  public var arrayLookup: Int?

  /// A table that allows nothing.
  public init() {}

  /// The function with a number; nil, which also forbids it, if there is none.
  ///
  /// - Precondition: `number` is in 0..<``capacity`` where one is set.
  public subscript(number: Int) -> Helper? {
    get {
      unsafe (0..<HelperTable.capacity).contains(number) ? functions[number] : nil
    }
    set {
      precondition(
        (0..<HelperTable.capacity).contains(number), "A helper's number is below the capacity.")
      unsafe functions[number] = unsafe newValue
    }
  }
}
