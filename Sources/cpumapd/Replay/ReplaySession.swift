// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Datapath
import EBPF
import Ports
import Syscalls
import Wire
import XDPFrame

/// One replay: a wired datapath without threads, fed packet by packet, and a record of each packet's way.
///
///     capture ──▶ port ──▶ loop ──▶ entries, in the order of the file, until nothing moves ──▶ record
///
/// The next packet comes when the one before has ended, so queues never fill and nothing depends on speed: what is
/// shown is what is decided, not how fast. What became of a packet is read off the ledger itself, as the difference
/// that the packet made there.
final class ReplaySession {
  private let wiring: Wiring
  private let receiver: Int
  private var lanes: [ReplayLane]
  private var stations: [ReplayStation]
  private var file: CaptureFile
  private var recorder: ReplayRecorder?
  private var books: ReplayBooks
  private var clock = ReplayClock()

  /// Opens the files and wires the configuration.
  ///
  /// - Parameters:
  ///   - configuration: Checked.
  ///   - input: The capture.
  ///   - output: Where to record; nil for nowhere.
  ///   - port: The number of the port that receives what no port has the name of.
  ///   - warn: Told what an operator should know.
  /// - Throws: ``ReplayError``: the capture cannot be read, the output not made, or the configuration not wired.
  init(
    _ configuration: Configuration, input: String, output: String?, port: Int,
    warn: @escaping @Sendable (String) -> Void
  ) throws(ReplayError) {
    do throws(CaptureFileError) {
      file = try CaptureFile(path: input)
    } catch {
      throw ReplayError(error)
    }
    // Before the programs are made, which take what chance begins from along.
    Surroundings.fix(at: 1)
    do throws(SetUpError) {
      wiring = try Wiring(replaying: configuration, warn: warn)
    } catch {
      Surroundings.release()
      throw ReplayError(error.description, status: error.status)
    }
    if let output, ReplaySession.isSame(input, output) {
      throw ReplayError("\(output): the capture cannot be its own record", status: .usage)
    }
    recorder = try output.map { path throws(ReplayError) in
      try ReplayRecorder(path: path, configuration.ports)
    }
    lanes = ReplayLane.all(of: wiring)
    stations = ReplayStation.all(of: wiring)
    books = ReplayBooks(configuration, input: input)
    receiver = port
  }

  /// Whether two paths lead to one file, which writing the one would take from the other.
  private static func isSame(_ first: String, _ second: String) -> Bool {
    var (one, other) = (stat(), stat())
    // Safe: the kernel writes two local variables.
    guard unsafe stat(first, &one) == 0, unsafe stat(second, &other) == 0 else { return false }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
  }

  /// Replays every packet.
  ///
  /// - Parameter progress: Called now and then.
  /// - Throws: What is wrong with the capture or the output; everything in front of that was replayed and recorded.
  func run(_ progress: (ReplayProgress.State) -> Void) throws(ReplayError) {
    var last: CapturedPacket?
    while let packet = try next() {
      defer { last = packet }
      if packet.isDeparture(of: last) {
        books.departureCount += 1
        continue
      }
      try replay(packet)
      if books.packetCount & 0xFFF == 0 {
        progress(
          .init(packets: books.packetCount, offset: file.offset, byteCount: file.byteCount))
      }
    }
  }

  private func next() throws(ReplayError) -> CapturedPacket? {
    do throws(CaptureFileError) {
      return try file.next()
    } catch {
      books.isComplete = false
      throw ReplayError(error)
    }
  }

  private func replay(_ packet: CapturedPacket) throws(ReplayError) {
    let number = lane(of: packet)
    let now = clock.advance(to: packet.time)
    Surroundings.fix(at: now)
    books.note(packet, at: number)
    var way = ReplayWay(packetID: books.packetCount, time: packet.time ?? now, lane: number)
    if lanes[number].isSteering {
      way.flow = unsafe file.withOctets(of: packet) { unsafe FlowHash.symmetric($0.bytes) }
    }
    unsafe file.withOctets(of: packet) { unsafe lanes[number].receive($0) }
    finish(lanes[number].stage(), in: &way)
    while let next = stations.indices.first(where: { stations[$0].hasWork }) {
      finish(stations[next].stage(), in: &way)
    }
    books.check(way)
    try unsafe file.withOctets(of: packet) { octets in
      Result { () throws(ReplayError) in
        try unsafe recorder?.record(packet, octets, way)
      }
    }.get()
  }

  /// Notes a step, and takes the frames that it sent.
  private func finish(_ stage: ReplayStage, in way: inout ReplayWay) {
    var stage = stage
    for number in lanes.indices {
      while let frame = lanes[number].port.takeSent() {
        stage.out.append(lanes[number].name)
        way.sent.append(
          ReplayWay.Sent(lane: number, stage: way.stages.count, octets: frame.octets()))
      }
    }
    way.stages.append(stage)
  }

  /// The port with the name of the packet's interface, else the one that receives the rest.
  private func lane(of packet: CapturedPacket) -> Int {
    let name = file.interface(of: packet).name
    return name.isEmpty ? receiver : lanes.firstIndex { $0.name == name } ?? receiver
  }

  /// Ends the datapath and closes the books and the record.
  func close() -> ReplayBooks {
    wiring.halt()
    books.report = wiring.report(seconds: clock.seconds, isQuiet: true)
    for (number, lane) in lanes.enumerated() {
      books.report.ports[number].kind = lane.kind
    }
    // Time does not pass while a packet is looked at.
    for number in books.report.entries.indices {
      books.report.entries[number].busyNanoseconds = nil
    }
    do throws(ReplayError) {
      try recorder?.close(books.report, at: clock.now)
    } catch {
      books.fault = error
    }
    recorder = nil
    wiring.close()
    Surroundings.release()
    return books
  }
}

/// The time of the capture, which only moves forward.
struct ReplayClock {
  private(set) var now: UInt64 = 0
  private var first: UInt64?

  /// Goes on to a packet; one without a time, or from before the last, comes when the last did.
  mutating func advance(to time: UInt64?) -> UInt64 {
    now = max(now, time ?? 0)
    first = first ?? time
    return now
  }

  /// From the first packet to the last.
  var seconds: Double { Double(now - (first ?? now)) / 1e9 }
}
