// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What programs compare, format and print.
enum TextHelpers {
  /// The octets of a format or a string that are looked at.
  private static let maximumByteCount = 512

  // Safe: the functions follow arguments only through the context's memory.
  static func register(in table: inout HelperTable) {
    unsafe table[6] = { format, byteCount, first, second, third, context in
      let context = unsafe RunContext(context)
      return TextHelpers.trace(format, byteCount, [first, second, third], context)
    }
    unsafe table[177] = { format, byteCount, data, dataCount, _, context in
      let context = unsafe RunContext(context)
      guard let values = TextHelpers.words(data, dataCount, context) else {
        return answer(Answer.invalid)
      }
      return TextHelpers.trace(format, byteCount, values, context)
    }
    unsafe table[165] = { target, targetCount, format, data, dataCount, context in
      TextHelpers.format(
        into: target, targetCount, format, data, dataCount, unsafe RunContext(context))
    }
    unsafe table[182] = { first, count, second, _, _, context in
      TextHelpers.compare(first, count, second, unsafe RunContext(context))
    }
  }

  /// Prints a line, unless the program printed too much lately.
  private static func trace(
    _ format: UInt64, _ byteCount: UInt64, _ values: [UInt64], _ context: RunContext
  ) -> UInt64 {
    let count = min(Int(UInt32(truncatingIfNeeded: byteCount)), maximumByteCount)
    guard let octets = context.text(format, count), octets.count < count || count == 0,
      let text = Format(octets, values, context).text
    else { return answer(Answer.invalid) }
    context.withRunner { runner in
      guard runner.mayPrint() else { return }
      var line = String(decoding: text, as: UTF8.self)
      while line.last == "\n" { line.removeLast() }
      runner.store.log(line)
    }
    return UInt64(text.count)
  }

  private static func words(
    _ data: UInt64, _ byteCount: UInt64, _ context: RunContext
  ) -> [UInt64]? {
    guard byteCount % 8 == 0, byteCount <= 96 else { return nil }
    var values: [UInt64] = []
    for at in stride(from: 0, to: byteCount, by: 8) {
      guard let word = context.memory.load64(data &+ at) else { return nil }
      values.append(word)
    }
    return values
  }

  /// Source: `bpf_snprintf()`, `kernel/bpf/helpers.c`; answers the length, the closing zero included.
  private static func format(
    into target: UInt64, _ targetCount: UInt64, _ format: UInt64, _ data: UInt64,
    _ dataCount: UInt64, _ context: RunContext
  ) -> UInt64 {
    guard let values = words(data, dataCount, context),
      let octets = context.text(format, maximumByteCount),
      let text = Format(octets, values, context).text
    else { return answer(Answer.invalid) }
    let room = Int(UInt32(truncatingIfNeeded: targetCount))
    let kept = text.prefix(max(room - 1, 0)) + (room > 0 ? [0] : [])
    for (at, octet) in kept.enumerated() {
      guard context.memory.store8(target &+ UInt64(at), octet) else {
        return context.refuse(target)
      }
    }
    return UInt64(text.count + 1)
  }

  /// Source: `bpf_strncmp()`, `kernel/bpf/helpers.c`.
  private static func compare(
    _ first: UInt64, _ count: UInt64, _ second: UInt64, _ context: RunContext
  ) -> UInt64 {
    for at in 0..<UInt64(UInt32(truncatingIfNeeded: count)) {
      guard at & 255 != 255 || context.spend(1) else { return 0 }
      guard let left = context.memory.load8(first &+ at) else { return context.refuse(first) }
      guard let right = context.memory.load8(second &+ at) else { return context.refuse(second) }
      if left != right { return answer(left < right ? -1 : 1) }
      if left == 0 { return 0 }
    }
    return 0
  }
}

extension RunContext {
  /// The octets in front of a zero, at most `limit`; nil where they lie in a hole.
  func text(_ offset: UInt64, _ limit: Int) -> [UInt8]? {
    var octets: [UInt8] = []
    while octets.count < limit {
      guard let octet = memory.load8(offset &+ UInt64(octets.count)) else { return nil }
      if octet == 0 { break }
      octets.append(octet)
    }
    return octets
  }
}

extension Runner {
  /// Whether a line may be printed now; some at once, and as many again in every second.
  func mayPrint() -> Bool {
    let now = clinux_now()
    if unsafe now &- notes.pointee.refilled > 1_000_000_000 {
      unsafe notes.pointee.refilled = now
      unsafe notes.pointee.lines = Runner.printBurst
    }
    guard unsafe notes.pointee.lines > 0 else { return false }
    unsafe notes.pointee.lines -= 1
    return true
  }
}

/// A text put together as `printf` does, with the conversions that programs may use.
struct Format {
  /// The text; nil where the format asks for something else, or for more than there is.
  let text: [UInt8]?

  init(_ format: [UInt8], _ values: [UInt64], _ context: RunContext) {
    var text: [UInt8] = []
    var values = values[...]
    var rest = format[...]
    while let octet = rest.popFirst() {
      guard octet == UInt8(ascii: "%") else {
        text.append(octet)
        continue
      }
      if rest.first == UInt8(ascii: "%") {
        text.append(rest.removeFirst())
        continue
      }
      var conversion = Conversion(&rest)
      guard let value = values.popFirst(), let piece = conversion.apply(value, context) else {
        self.text = nil
        return
      }
      text += piece
    }
    self.text = text
  }

  /// What stands behind a percent sign.
  struct Conversion {
    private var fill = UInt8(ascii: " ")
    private var isLeft = false
    private var width = 0
    private var isLong = false
    private var letter: UInt8 = 0

    init(_ rest: inout ArraySlice<UInt8>) {
      while let octet = rest.popFirst() {
        switch octet {
        case UInt8(ascii: "-"): isLeft = true
        case UInt8(ascii: "0") where width == 0: fill = octet
        case UInt8(ascii: "0")...UInt8(ascii: "9"): width = min(width * 10 + Int(octet - 48), 64)
        case UInt8(ascii: "l"): isLong = true
        default:
          letter = octet
          return
        }
      }
    }

    mutating func apply(_ value: UInt64, _ context: RunContext) -> [UInt8]? {
      let narrow = UInt32(truncatingIfNeeded: value)
      switch letter {
      case UInt8(ascii: "d"), UInt8(ascii: "i"):
        let signed = isLong ? Int64(bitPattern: value) : Int64(Int32(bitPattern: narrow))
        return padded(String(signed))
      case UInt8(ascii: "u"): return padded(String(isLong ? value : UInt64(narrow)))
      case UInt8(ascii: "x"): return padded(String(isLong ? value : UInt64(narrow), radix: 16))
      case UInt8(ascii: "X"):
        return padded(String(isLong ? value : UInt64(narrow), radix: 16, uppercase: true))
      case UInt8(ascii: "p"): return padded(String(value, radix: 16))
      case UInt8(ascii: "c"): return [UInt8(truncatingIfNeeded: value)]
      case UInt8(ascii: "s"):
        return context.text(value, 512).map { padded(String(decoding: $0, as: UTF8.self)) }
      default: return nil
      }
    }

    private func padded(_ text: String) -> [UInt8] {
      let octets = Array(text.utf8)
      guard octets.count < width else { return octets }
      let pad = [UInt8](repeating: isLeft ? UInt8(ascii: " ") : fill, count: width - octets.count)
      if isLeft { return octets + pad }
      if fill == UInt8(ascii: "0"), octets.first == UInt8(ascii: "-") {
        return [octets[0]] + pad + octets[1...]
      }
      return pad + octets
    }
  }
}
