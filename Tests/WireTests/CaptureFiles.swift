// SPDX-License-Identifier: Apache-2.0

import Wire

/// Capture files written out by hand, so that the reader is not checked against its own writer.
struct CaptureFile {
  var isBigEndian = false
  private(set) var octets: [UInt8] = []

  init(isBigEndian: Bool = false) { self.isBigEndian = isBigEndian }

  mutating func number<Number: FixedWidthInteger>(_ number: Number) {
    let bits = UInt64(truncatingIfNeeded: isBigEndian ? number.byteSwapped : number)
    for position in 0..<(Number.bitWidth / 8) {
      octets.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt64(position))))
    }
  }

  mutating func append(_ more: [UInt8]) { octets += more }

  // MARK: pcap

  mutating func header(
    magic: UInt32 = 0xA1B2_C3D4, major: UInt16 = 2, minor: UInt16 = 4, link: UInt32 = 1
  ) {
    number(magic)
    number(major)
    number(minor)
    number(UInt32(0))
    number(UInt32(0))
    number(UInt32(65_535))
    number(link)
  }

  mutating func record(
    _ packet: [UInt8], seconds: UInt32 = 1, fraction: UInt32 = 2, original: UInt32? = nil
  ) {
    number(seconds)
    number(fraction)
    number(UInt32(packet.count))
    number(original ?? UInt32(packet.count))
    append(packet)
  }

  // MARK: pcapng

  /// A block of any type; the body is filled up to 4 octets.
  mutating func block(_ type: UInt32, _ body: (inout CaptureFile) -> Void) {
    var inner = CaptureFile(isBigEndian: isBigEndian)
    body(&inner)
    while inner.octets.count % 4 != 0 { inner.octets.append(0) }
    number(type)
    number(UInt32(inner.octets.count + 12))
    append(inner.octets)
    number(UInt32(inner.octets.count + 12))
  }

  mutating func section(major: UInt16 = 1) {
    block(0x0A0D_0D0A) {
      $0.number(UInt32(0x1A2B_3C4D))
      $0.number(major)
      $0.number(UInt16(0))
      $0.number(Int64(-1))
    }
  }

  mutating func interface(link: UInt16 = 1, snap: UInt32 = 0, options: [(UInt16, [UInt8])] = []) {
    block(1) {
      $0.number(link)
      $0.number(UInt16(0))
      $0.number(snap)
      $0.options(options)
    }
  }

  mutating func enhanced(
    _ packet: [UInt8], interface: UInt32 = 0, time: UInt64 = 0, original: UInt32? = nil,
    captured: UInt32? = nil, options: [(UInt16, [UInt8])] = []
  ) {
    block(6) {
      $0.number(interface)
      $0.number(UInt32(truncatingIfNeeded: time >> 32))
      $0.number(UInt32(truncatingIfNeeded: time))
      $0.number(captured ?? UInt32(packet.count))
      $0.number(original ?? UInt32(packet.count))
      $0.append(packet)
      $0.pad()
      $0.options(options)
    }
  }

  mutating func obsolete(_ packet: [UInt8], interface: UInt16 = 0, time: UInt64 = 0) {
    block(2) {
      $0.number(interface)
      $0.number(UInt16(7))
      $0.number(UInt32(truncatingIfNeeded: time >> 32))
      $0.number(UInt32(truncatingIfNeeded: time))
      $0.number(UInt32(packet.count))
      $0.number(UInt32(packet.count))
      $0.append(packet)
    }
  }

  mutating func simple(_ packet: [UInt8], original: UInt32? = nil) {
    block(3) {
      $0.number(original ?? UInt32(packet.count))
      $0.append(packet)
    }
  }

  private mutating func pad() {
    while octets.count % 4 != 0 { octets.append(0) }
  }

  private mutating func options(_ options: [(UInt16, [UInt8])]) {
    for (code, value) in options {
      number(code)
      number(UInt16(value.count))
      append(value)
      pad()
    }
    if !options.isEmpty { number(UInt32(0)) }
  }
}

/// What was read of a capture file.
struct ReadCapture {
  struct Packet: Equatable {
    var octets: [UInt8]
    var time: UInt64?
    var interface = 0
    var direction = CapturedPacket.Direction.unknown
    var original: Int?
  }

  var packets: [Packet] = []
  var details: [CaptureDetails] = []
  var statistics: [CaptureDetails] = []
  var interfaces: [CaptureInterface] = []
  var error: CaptureError?

  /// Reads a file whose octets come in so many at a time.
  init(_ octets: [UInt8], atOnce count: Int = .max) {
    var reader = CaptureReader()
    var inView = 0
    do throws(CaptureError) {
      while true {
        let start = Int(reader.offset)
        inView = min(max(inView, start + min(count, octets.count)), octets.count)
        let view = Array(octets[start..<inView])
        let step = try Result { () throws(CaptureError) in
          try read(view, with: &reader)
        }.get()
        guard case .more = step else { continue }
        if inView == octets.count {
          try unsafe reader.finish(view.span.bytes)
          break
        }
        inView += 1
      }
    } catch {
      self.error = error
    }
    interfaces = reader.interfaces
  }

  private mutating func read(
    _ view: [UInt8], with reader: inout CaptureReader
  ) throws(CaptureError) -> CaptureReader.Step {
    let span = unsafe view.span.bytes
    let step = try reader.next(span)
    switch step {
    case .more, .other: break
    case .statistics(let found, _): statistics.append(found.details(in: span))
    case .packet(let packet, _):
      packets.append(
        Packet(
          octets: Array(view[packet.octets]), time: packet.time, interface: packet.interface,
          direction: packet.direction,
          original: packet.isCut ? packet.originalByteCount : nil))
      details.append(packet.details(in: span))
    }
    return step
  }
}
