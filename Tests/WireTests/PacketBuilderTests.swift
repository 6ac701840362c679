// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct PacketBuilderTests {
  @Test func refusesWhatDoesNotFit() {
    var memory = [UInt8](repeating: 0xee, count: 60)
    let byteCount = unsafe memory.withUnsafeMutableBytes { memory in
      var builder = unsafe PacketBuilder(UnsafeMutableRawBufferPointer(rebasing: memory[..<50]))
      builder.ethernet()
      builder.ipv4(source: host4a, destination: host4b)
      builder.udp(source: 1, destination: 2)
      builder.payload(byteCount: 9)
      return builder.finish()
    }
    #expect(byteCount == nil)
    #expect(memory[50...].allSatisfy { $0 == 0xee })
  }

  @Test func refusesMoreThanIPCanCount() {
    var memory = [UInt8](repeating: 0, count: 80_000)
    func build(_ payload: Int) -> Int? {
      unsafe memory.withUnsafeMutableBytes { memory in
        var builder = unsafe PacketBuilder(memory)
        builder.ethernet()
        builder.ipv4(source: host4a, destination: host4b)
        builder.payload(byteCount: payload)
        return builder.finish()
      }
    }
    #expect(build(65515) == 65549)
    #expect(build(65516) == nil)
  }

  @Test func padsBehindThePacket() {
    let frame = PacketBuilder.octets(minimumByteCount: 60) {
      $0.ethernet()
      $0.ipv4(source: host4a, destination: host4b)
      $0.udp(source: 1, destination: 2)
    }
    #expect(frame.count == 60)
    #expect(frame[16...17] == [0, 28])
    #expect(frame[42...].allSatisfy { $0 == 0 })
  }

  @Test func buildsIntoASpan() {
    var memory = [UInt8](repeating: 0, count: 64)
    var span = memory.mutableSpan
    var bytes = unsafe span.mutableBytes
    let byteCount = PacketBuilder.build(into: &bytes) {
      $0.ethernet()
      $0.payload(byteCount: 3, first: 255)
    }
    #expect(byteCount == 17)
    #expect(memory[14..<17] == [255, 0, 1])
  }
}
