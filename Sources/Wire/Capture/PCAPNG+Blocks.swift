// SPDX-License-Identifier: Apache-2.0

/// The octets that a block's options take: each with its code, its length and its padding, and the end of all.
struct OptionSize {
  private var sum = 0

  /// Those of texts; an empty text is not written.
  init(of texts: String...) {
    for text in texts where !text.isEmpty { add(OptionSize.byteCount(of: text)) }
  }

  /// Adds an option with a value of so many octets.
  mutating func add(_ byteCount: Int) { sum += 4 + (byteCount + 3) & ~3 }

  /// The octets of all; no options have no end either.
  var byteCount: Int { sum == 0 ? 0 : sum + 4 }

  /// What is kept of a text: an option counts its octets in 16 bits.
  static func byteCount(of text: String) -> Int { min(text.utf8.count, Int(UInt16.max)) }
}

/// Writes one block into memory that is as long as the block.
@safe
struct BlockWriter: ~Copyable {
  // Safe: memory of the caller, of which `count` octets are written; every append checks that there is room.
  private let memory: UnsafeMutableRawBufferPointer
  private var count = 0

  /// Writes a block with its type, and its length at both ends.
  ///
  /// - Returns: `byteCount`.
  /// - Precondition: The memory has room for it, and the body fills it.
  static func write(
    _ type: UInt32, byteCount: Int, into memory: UnsafeMutableRawBufferPointer,
    _ body: (inout BlockWriter) -> Void
  ) -> Int {
    precondition(byteCount <= memory.count, "A block needs room for all of its octets.")
    var writer = unsafe BlockWriter(memory: .init(rebasing: memory[..<byteCount]))
    writer.append(type)
    writer.append(UInt32(truncatingIfNeeded: byteCount))
    body(&writer)
    writer.append(UInt32(truncatingIfNeeded: byteCount))
    precondition(writer.count == byteCount, "A block is as long as it says.")
    return byteCount
  }

  private init(memory: UnsafeMutableRawBufferPointer) { unsafe self.memory = memory }

  /// Takes the next octets.
  private mutating func take(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    unsafe precondition(
      byteCount >= 0 && byteCount <= memory.count - count, "What is written fits into its block.")
    let start = count
    count += byteCount
    return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<count])
  }

  mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    unsafe take(MemoryLayout<Number>.size).storeBytes(of: number.littleEndian, as: Number.self)
  }

  /// A time is written as two halves, the upper one first.
  mutating func append(time: UInt64) {
    append(UInt32(truncatingIfNeeded: time >> 32))
    append(UInt32(truncatingIfNeeded: time))
  }

  /// Octets that somebody else writes.
  mutating func append(byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    unsafe fill(take(byteCount))
  }

  /// Fills up to a multiple of 4 octets.
  mutating func pad() {
    while count & 3 != 0 { append(UInt8(0)) }
  }

  /// Begins an option.
  mutating func appendOption(_ code: UInt16, byteCount: Int) {
    append(code)
    append(UInt16(truncatingIfNeeded: byteCount))
  }

  mutating func appendOption<Number: FixedWidthInteger & BitwiseCopyable>(
    _ code: UInt16, _ number: Number
  ) {
    appendOption(code, byteCount: MemoryLayout<Number>.size)
    append(number)
  }

  /// An option with a text; none for an empty one.
  mutating func appendOption(_ code: UInt16, _ text: String) {
    guard !text.isEmpty else { return }
    let byteCount = OptionSize.byteCount(of: text)
    appendOption(code, byteCount: byteCount)
    for octet in text.utf8.prefix(byteCount) { append(octet) }
    pad()
  }

  /// Ends the options, where there are any.
  mutating func appendEnd(_ options: OptionSize) {
    if options.byteCount > 0 { append(UInt32(0)) }
  }
}
