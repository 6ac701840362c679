// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them; whoever wants all digits asks for JSON.
public enum Figure {
  /// Three or four significant digits and a decimal prefix: `999`, `1.84M`, `61.2k`.
  public static func short(_ value: Double) -> String {
    guard value.isFinite, value >= 0 else { return "-" }
    var value = value
    for suffix in ["", "k", "M", "G", "T", "P"] {
      // What would round up to a thousand belongs to the next prefix.
      if value < 999.5 {
        return (suffix.isEmpty ? fixed(value, digits: 0) : significant(value)) + suffix
      }
      value /= 1000
    }
    return significant(value) + "E"
  }

  /// The number with that many digits after the point.
  public static func fixed(_ value: Double, digits: Int) -> String {
    var power = 1.0
    for _ in 0..<digits { power *= 10 }
    let scaled = (value.magnitude * power).rounded()
    guard scaled < 1e15 else { return String(value) }
    let whole = String(Int(scaled) / Int(power))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + whole }
    let rest = String(Int(scaled) % Int(power))
    return sign + whole + "." + String(repeating: "0", count: digits - rest.count) + rest
  }

  /// Octets with a binary prefix: `64 MiB`.
  public static func octets(_ count: UInt64) -> String {
    var value = Double(count)
    for unit in ["octets", "KiB", "MiB", "GiB"] {
      if value < 1024 { return trimmed(value) + " " + unit }
      value /= 1024
    }
    return trimmed(value) + " TiB"
  }

  /// A time span in its two largest units: `2h 14m`, `14m 07s`, `7s`.
  public static func span(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "-" }
    let total = Int(seconds)
    let (days, hours, minutes) = (total / 86_400, total / 3600 % 24, total / 60 % 60)
    if days > 0 { return "\(days)d \(hours)h" }
    if hours > 0 { return "\(hours)h \(minutes)m" }
    if minutes > 0 { return "\(minutes)m \(total % 60)s" }
    return "\(total)s"
  }

  private static func significant(_ value: Double) -> String {
    fixed(value, digits: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
  }

  private static func trimmed(_ value: Double) -> String {
    value == value.rounded() ? fixed(value, digits: 0) : fixed(value, digits: 1)
  }
}
