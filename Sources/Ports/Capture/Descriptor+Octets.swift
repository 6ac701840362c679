// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

// The octets of a frame at rest, whichever buffers they lie in.
extension Descriptor {
  /// The octets of the frame that begins in this buffer; nil where the CPU may not read them, or their list is forged.
  var readableByteCount: Int? {
    guard flags.contains(.hasFragments) else { return Int(byteCount) }
    if flags.contains(.unreadableFragments) { return nil }
    var sum = Int(byteCount)
    for position in 0..<fragmentCount {
      guard let fragment = fragment(at: position) else { return nil }
      sum &+= Int(fragment.byteCount)
    }
    return sum
  }

  /// Copies the frame's octets.
  ///
  /// - Parameter memory: As long as ``readableByteCount`` says.
  func copyOctets(to memory: UnsafeMutableRawBufferPointer) {
    guard let start = memory.baseAddress else { return }
    var done = min(Int(byteCount), memory.count)
    unsafe start.copyMemory(from: data, byteCount: done)
    for position in 0..<fragmentCount {
      guard let fragment = fragment(at: position) else { return }
      let count = min(Int(fragment.byteCount), memory.count - done)
      // Safe: the fragment was checked, and no more is written than there is room for.
      unsafe (start + done).copyMemory(
        from: buffer(of: fragment).hardStart + Int(fragment.offset), byteCount: count)
      done += count
    }
  }
}
