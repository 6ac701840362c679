// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Wire
public import XDPFrame

/// A port that makes its packets up: flows × sizes, at a rate, up to a count.
///
/// Each flow is a UDP conversation over IPv4 with its own addresses and ports. Packet `n` belongs to flow
/// `n mod flows` and carries behind its headers the flow's number and its place in the flow, 4 octets each, so that
/// whoever receives it can tell loss and order. Packets longer than a buffer come in fragments.
///
/// Headers are built once; a packet costs a copy of 42 octets. One thread receives.
public final class GeneratorPort: Port, Sendable {
  /// What to make up.
  public struct Plan: Equatable, Sendable {
    /// Distinct flows, 1 or more.
    public var flowCount: Int
    /// Lengths in turn, Ethernet header included, 60...73152 octets.
    public var byteCounts: [Int]
    /// Packets a second; nil for as many as are asked for.
    public var rate: Int?
    /// Packets in all; nil for no end.
    public var limit: Int?

    /// Describes what to make up.
    public init(
      flowCount: Int = 64, byteCounts: [Int] = [64], rate: Int? = nil, limit: Int? = nil
    ) {
      self.flowCount = flowCount
      self.byteCounts = byteCounts
      self.rate = rate
      self.limit = limit
    }
  }

  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  private let plan: Plan
  private let model: any MemoryModel
  private let registry: MemoryRegistry
  private let info: ReceiveQueueInfo
  private let headers: [UInt8]
  private let made = Atomic<Int>(0)
  private let started = Atomic<UInt64>(0)
  private let starved = Atomic<UInt64>(0)
  private let isDetached = Atomic(false)

  /// The octets of the headers: Ethernet 14, IPv4 20, UDP 8.
  static let headerByteCount = 42

  /// Makes a generator that allocates from `model`.
  ///
  /// - Parameters:
  ///   - name: The operator's name.
  ///   - registry: Where its frames find home.
  ///   - model: What its packets lie in; the thread that receives must own it.
  ///   - plan: What to make up.
  /// - Throws: ``PortError`` for a plan that makes no sense.
  public init(
    name: String, registry: MemoryRegistry, model: any MemoryModel, plan: Plan
  )
    throws(PortError)
  {
    let lengths = 60...Limits.packet
    guard plan.flowCount > 0, !plan.byteCounts.isEmpty,
      plan.byteCounts.allSatisfy({ lengths.contains($0) }), plan.rate ?? 1 > 0
    else {
      throw PortError(
        "generator \(name): a plan has flows, a rate above 0, and lengths of \(lengths) octets")
    }
    self.name = name
    self.plan = plan
    self.model = model
    self.registry = registry
    number = registry.takePortNumber()
    do {
      info = try registry.registerQueue(port: number, queue: 0, memory: model.memory)
    } catch {
      throw PortError("generator \(name): \(error)")
    }
    headers = (0..<plan.flowCount).flatMap { GeneratorPort.headers(ofFlow: $0) }
  }

  deinit {
    registry.unregisterQueue(info)
  }

  private static func headers(ofFlow flow: Int) -> [UInt8] {
    let host = UInt32(flow)
    let packet = PacketBuilder.octets(capacity: headerByteCount) {
      $0.ethernet(
        source: MACAddress(0x02, 0, 0, 0, 0, 1), destination: MACAddress(0x02, 0, 0, 0, 0, 2))
      $0.ipv4(
        source: IPv4Address(rawValue: 0x0A00_0001 &+ (host & 0xFFFF)),
        destination: IPv4Address(rawValue: 0x0A80_0001 &+ (host >> 4)))
      $0.udp(source: UInt16(1_024 + flow % 60_000), destination: 9)
    }
    return packet
  }

  /// The packets made so far, and how often there was no buffer for one.
  public var counts: (made: Int, starved: UInt64) {
    (made.load(ordering: .relaxed), starved.load(ordering: .relaxed))
  }

  /// Whether the plan's limit is reached.
  public var isFinished: Bool { plan.limit.map { counts.made >= $0 } ?? false }

  /// What the port can do and how it is.
  public var status: PortStatus {
    PortStatus(kind: "generator", largestPacket: Limits.packet, sendsFragments: true)
  }

  /// Generators receive by one queue.
  public var queueCount: Int { 1 }

  /// Makes the packets that are due.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    let already = made.load(ordering: .relaxed)
    let due = min(budget, due(after: already))
    var number = already
    while number < already + due, append(number, to: &burst) { number += 1 }
    made.store(number, ordering: .relaxed)
  }

  /// How many packets are due by now.
  private func due(after already: Int) -> Int {
    if isDetached.load(ordering: .relaxed) { return 0 }
    let left = plan.limit.map { $0 - already } ?? .max
    guard let rate = plan.rate else { return left }
    let now = clinux_now()
    if started.load(ordering: .relaxed) == 0 { started.store(now, ordering: .relaxed) }
    let elapsed = now &- started.load(ordering: .relaxed)
    let (seconds, rest) = elapsed.quotientAndRemainder(dividingBy: 1_000_000_000)
    let total = Int(seconds) * rate + Int(rest) * rate / 1_000_000_000 + 1
    return min(left, max(total - already, 0))
  }

  private func append(_ number: Int, to burst: inout Burst) -> Bool {
    let byteCount = plan.byteCounts[number % plan.byteCounts.count]
    guard let first = model.allocate() else { return starve() }
    let linear = min(byteCount, model.linearByteCount)
    var packet = Buff(
      owning: first.take(), queue: info, headroom: model.headroom, byteCount: linear)
    write(number, byteCount, to: &packet)
    guard addFragments(byteCount - linear, to: &packet) else {
      packet.recycle(.poolEmpty)
      return starve()
    }
    burst.append(packet)
    return true
  }

  private func starve() -> Bool {
    starved.wrappingAdd(1, ordering: .relaxed)
    return false
  }

  private func addFragments(_ byteCount: Int, to packet: inout Buff) -> Bool {
    var left = byteCount
    let most = model.linearByteCount
    while left > 0 {
      let piece = min(left, most)
      guard let more = model.allocate() else { return false }
      unsafe memset(more.descriptor.hardStart, 0x5A, piece)
      if let rejected = packet.addFragment(more, offset: 0, byteCount: piece) {
        rejected.recycle()
        return false
      }
      left -= piece
    }
    return true
  }

  /// Writes the flow's headers with this packet's lengths, and what tells loss and order.
  private func write(_ number: Int, _ byteCount: Int, to packet: inout Buff) {
    let flow = number % plan.flowCount
    // Safe: the linear part holds at least 60 octets.
    let data = unsafe packet.data
    unsafe headers.withUnsafeBytes {
      let start = unsafe $0.baseAddress.unsafelyUnwrapped + flow * GeneratorPort.headerByteCount
      unsafe data.copyMemory(from: start, byteCount: GeneratorPort.headerByteCount)
    }
    let total = UInt16(truncatingIfNeeded: byteCount - 14)
    unsafe data.storeBytes(of: total.bigEndian, toByteOffset: 16, as: UInt16.self)
    unsafe data.storeBytes(of: 0, toByteOffset: 24, as: UInt16.self)
    let sum = unsafe Checksum.of(data + 14, byteCount: 20)
    unsafe data.storeBytes(of: sum.bigEndian, toByteOffset: 24, as: UInt16.self)
    unsafe data.storeBytes(of: (total &- 20).bigEndian, toByteOffset: 38, as: UInt16.self)
    unsafe data.storeBytes(of: 0, toByteOffset: 40, as: UInt16.self)
    let place = UInt32(truncatingIfNeeded: number / plan.flowCount)
    unsafe data.storeBytes(of: UInt32(flow).bigEndian, toByteOffset: 42, as: UInt32.self)
    unsafe data.storeBytes(of: place.bigEndian, toByteOffset: 46, as: UInt32.self)
    let tail = packet.linearByteCount - 50
    if tail > 0 { unsafe memset(data + 50, 0x5A, tail) }
  }

  /// Nobody can send to a generator.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    for position in 0..<frames.count {
      unsafe frames.descriptors[position].reason = DropReason.redirectNoPort.rawValue
    }
    return 0
  }

  /// There is nothing to poll: a loop asks.
  public func pollDescriptor(queue: Int) -> Int32? { nil }

  /// There is nothing to look after.
  public func maintain(queue: Int) {}

  /// Makes no more packets.
  public func detach() { isDetached.store(true, ordering: .relaxed) }
}
