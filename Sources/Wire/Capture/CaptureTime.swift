// SPDX-License-Identifier: Apache-2.0

/// The unit of an interface's timestamps: a second divided by a power of 10 or of 2.
///
/// Source: the option `if_tsresol` of pcapng.
public struct CaptureResolution: RawRepresentable, Equatable, Sendable {
  /// The exponent in the lower seven bits; the highest bit says that it is one of 2.
  public let rawValue: UInt8

  /// The unit that an option names.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// What holds where nothing is said.
  public static let microseconds = CaptureResolution(rawValue: 6)
  /// What this library writes.
  public static let nanoseconds = CaptureResolution(rawValue: 9)

  /// So many units as nanoseconds, rounded down; the largest number where they are too many.
  func nanoseconds(_ units: UInt64) -> UInt64 {
    let exponent = Int(rawValue & 0x7F)
    if rawValue & 0x80 != 0 { return CaptureResolution.scaled(units, shift: exponent) }
    if exponent <= 9 {
      let (product, overflows) = units.multipliedReportingOverflow(
        by: CaptureResolution.power(9 - exponent))
      return overflows ? .max : product
    }
    return exponent - 9 > 19 ? 0 : units / CaptureResolution.power(exponent - 9)
  }

  /// Units of 2 to the minus `shift` seconds, by way of 128 bits.
  private static func scaled(_ units: UInt64, shift: Int) -> UInt64 {
    let (high, low) = units.multipliedFullWidth(by: 1_000_000_000)
    if shift >= 64 { return high >> UInt64(shift - 64) }
    if high >> UInt64(shift) != 0 { return .max }
    return shift == 0 ? low : low >> UInt64(shift) | high << UInt64(64 - shift)
  }

  /// A power of ten, 0...19.
  private static func power(_ exponent: Int) -> UInt64 {
    (0..<exponent).reduce(1) { power, _ in power &* 10 }
  }
}

/// What a pcapng file says about one interface of a section.
public struct CaptureInterface: Equatable, Sendable {
  /// The interface's name, as `eth0`; empty where the file does not say.
  public var name = ""
  /// The kind of the first header, a `LINKTYPE_` number; 1 is Ethernet.
  public var linkType: UInt16
  /// The most octets that are kept of a packet; 0 where there is no limit.
  public var snapByteCount: UInt32
  /// The unit of its timestamps.
  public var resolution: CaptureResolution = .microseconds
  /// What is to be added to its timestamps, in seconds.
  public var offsetSeconds: Int64 = 0

  /// Ethernet, as `linkType`.
  public static let ethernet: UInt16 = 1

  /// A timestamp in nanoseconds since 1970, within what 64 bits hold.
  func time(_ units: UInt64) -> UInt64 {
    let time = resolution.nanoseconds(units)
    if offsetSeconds == 0 { return time }
    let (amount, overflows) = offsetSeconds.magnitude
      .multipliedReportingOverflow(by: 1_000_000_000)
    let shift = overflows ? .max : amount
    if offsetSeconds < 0 { return time > shift ? time - shift : 0 }
    let (sum, isTooLate) = time.addingReportingOverflow(shift)
    return isTooLate ? .max : sum
  }
}
