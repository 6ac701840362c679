// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import XDPFrame

extension TrafficTemplate {
  /// Which packet a frame is, if it is one of ours and undamaged but for its Ethernet addresses, which a program may
  /// exchange.
  func tag(of frame: Descriptor) -> Tag? {
    let linear = Int(frame.byteCount)
    guard linear >= headByteCount else { return nil }
    let fragmentCount = frame.fragmentCount
    var byteCount = linear
    for position in 0..<fragmentCount {
      guard let fragment = frame.fragment(at: position) else { return nil }
      byteCount += Int(fragment.byteCount)
    }
    guard byteCount <= TrafficTemplate.fillerByteCount else { return nil }
    let data = unsafe frame.data
    let udp = unsafe data + transportOffset
    let tag = Tag(
      flow: unsafe udp.number(8), sequence: unsafe udp.number(12), byteCount: byteCount)
    guard unsafe tag.signature == udp.number(20), unsafe isHead(data, tag) else { return nil }
    guard unsafe isFiller(data + headByteCount, headByteCount, linear - headByteCount) else {
      return nil
    }
    return hasFiller(frame, fragmentCount, from: linear) ? tag : nil
  }

  private func isHead(_ data: UnsafeRawPointer, _ tag: Tag) -> Bool {
    unsafe withUnsafeTemporaryAllocation(byteCount: 80, alignment: 8) { room in
      guard let expected = room.baseAddress else { return false }
      unsafe writeHead(to: expected, tag, fillerSum: fillerSum(byteCount: tag.byteCount))
      return unsafe memcmp(data + 12, expected + 12, headByteCount - 12) == 0
    }
  }

  private func hasFiller(_ frame: Descriptor, _ fragmentCount: Int, from start: Int) -> Bool {
    var offset = start
    for position in 0..<fragmentCount {
      guard let fragment = frame.fragment(at: position) else { return false }
      let octets = unsafe frame.buffer(of: fragment).hardStart + Int(fragment.offset)
      guard unsafe isFiller(octets, offset, Int(fragment.byteCount)) else { return false }
      offset += Int(fragment.byteCount)
    }
    return true
  }

  private func isFiller(_ octets: UnsafeRawPointer, _ offset: Int, _ byteCount: Int) -> Bool {
    unsafe memcmp(octets, filler + offset, byteCount) == 0
  }
}
