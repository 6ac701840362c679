// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Wire
public import XDPFrame

/// A port that makes its packets up: flows × lengths, at a rate, up to a count.
///
/// Each flow is a UDP conversation with its own addresses and ports. Packet `n` belongs to flow `n mod flows`, has
/// length `n mod lengths`, and carries the flow's number and its place in the flow, so that a ``SinkPort`` can tell
/// loss, disorder and damage. Packets longer than a buffer come in fragments.
///
/// Buffers are had from the model once per burst, headers copied and patched: nothing is allocated per packet. One
/// thread receives, the model's owner.
@safe
public final class GeneratorPort: Port, Sendable {
  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// What it makes up.
  public let plan: Plan
  private let model: any MemoryModel
  private let registry: MemoryRegistry
  private let info: ReceiveQueueInfo
  private let template: TrafficTemplate
  private let made = Atomic<Int>(0)
  private let starved = Atomic<UInt64>(0)
  private let isDetached = Atomic(false)
  // Safe: allocated and freed here; only the thread that receives looks at what they point to.
  private nonisolated(unsafe) let state: UnsafeMutablePointer<State>
  private nonisolated(unsafe) let lengths: UnsafeMutablePointer<Length>

  /// Where the generator stands.
  fileprivate struct State {
    var pacer: Pacer
    var number = 0
    var flow: UInt32 = 0
    var sequence: UInt64 = 0
    var length = 0
  }

  /// A length, and what packets of that length have in common.
  private struct Length {
    let byteCount: Int
    let fillerSum: Checksum
  }

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
    let longest = model.linearByteCount + Limits.fragments * model.bufferByteCount
    if let objection = plan.objection { throw PortError("generator \(name): \(objection)") }
    if let wrong = plan.byteCounts.first(where: { $0 > longest }) {
      throw PortError(
        "generator \(name): packets of \(wrong) octets; its memory holds \(longest) in 18 buffers")
    }
    let template = TrafficTemplate(plan.network)
    guard model.linearByteCount >= template.headByteCount else {
      throw PortError(
        "generator \(name): its memory does not hold \(template.headByteCount) octets")
    }
    self.name = name
    self.plan = plan
    self.model = model
    self.registry = registry
    self.template = template
    number = registry.takePortNumber()
    do {
      info = try registry.registerQueue(port: number, queue: 0, memory: model.memory)
    } catch {
      throw PortError("generator \(name): \(error)")
    }
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State(pacer: Pacer(rate: plan.rate, burst: plan.burst)))
    unsafe lengths = .allocate(capacity: plan.byteCounts.count)
    for (position, byteCount) in plan.byteCounts.enumerated() {
      let sum = template.fillerSum(byteCount: byteCount)
      unsafe (lengths + position).initialize(to: Length(byteCount: byteCount, fillerSum: sum))
    }
  }

  deinit {
    registry.unregisterQueue(info)
    unsafe state.deallocate()
    unsafe lengths.deallocate()
  }

  /// The packets made so far, and how many could not be for want of a buffer when they were due.
  public var counts: (made: Int, starved: UInt64) {
    (made.load(ordering: .relaxed), starved.load(ordering: .relaxed))
  }

  /// Whether the plan's limit is reached.
  public var isFinished: Bool { plan.limit.map { counts.made >= $0 } ?? false }

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(
      kind: "generator", largestPacket: Limits.packet, sendsFragments: true)
    status.largestReceived = plan.byteCounts.max() ?? 0
    status.singleBufferByteCount = model.linearByteCount
    return status
  }

  /// Generators receive by one queue.
  public var queueCount: Int { 1 }

  /// Makes the packets that are due.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    let state = unsafe state
    let wanted = unsafe min(budget, due(&state.pointee.pacer, after: state.pointee.number))
    guard wanted > 0 else { return }
    Heads.with(wanted, from: model, for: info) { heads in
      while burst.count < wanted {
        guard unsafe append(state, to: &burst, from: &heads) else { break }
      }
    }
    let count = burst.count
    unsafe state.pointee.pacer.take(count)
    made.store(unsafe state.pointee.number, ordering: .relaxed)
    if count < wanted {
      let missing = starved.load(ordering: .relaxed) &+ UInt64(wanted - count)
      starved.store(missing, ordering: .relaxed)
    }
  }

  /// How many packets are due by now.
  private func due(_ pacer: inout Pacer, after number: Int) -> Int {
    if isDetached.load(ordering: .relaxed) { return 0 }
    let left = plan.limit.map { $0 - number } ?? .max
    guard pacer.isPaced else { return left }
    return min(left, pacer.due(at: clinux_now()))
  }

  /// Makes the next packet.
  ///
  /// - Returns: Whether there were buffers for it; if not, it is still the next one.
  @inline(__always)
  private func append(
    _ state: UnsafeMutablePointer<State>, to burst: inout Burst, from heads: inout Heads
  ) -> Bool {
    let length = unsafe lengths + state.pointee.length
    let byteCount = unsafe length.pointee.byteCount
    guard var packet = heads.packet(byteCount: byteCount, from: model) else { return false }
    let tag = unsafe TrafficTemplate.Tag(
      flow: state.pointee.flow, sequence: state.pointee.sequence, byteCount: byteCount)
    // Safe: the linear part holds a head, and behind a short packet there is the tailroom.
    unsafe template.writeHead(to: packet.data, tag, fillerSum: length.pointee.fillerSum)
    writeFiller(to: &packet, byteCount: byteCount)
    burst.append(packet)
    unsafe state.pointee.advance(flowCount: plan.flowCount, lengthCount: plan.byteCounts.count)
    return true
  }

  @inline(__always)
  private func writeFiller(to packet: inout Buff, byteCount: Int) {
    let filler = unsafe template.filler(byteCount: byteCount)
    if packet.hasFragments {
      _ = unsafe packet.storeBytes(filler, at: template.headByteCount)
    } else if let start = filler.baseAddress {
      // Safe: head and filler together are the packet's octets.
      unsafe (packet.data + template.headByteCount)
        .copyMemory(from: start, byteCount: filler.count)
    }
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

extension GeneratorPort.State {
  /// Goes on to the next packet: the next flow and the next length, each in turn.
  @inline(__always)
  mutating func advance(flowCount: Int, lengthCount: Int) {
    number &+= 1
    length &+= 1
    if length == lengthCount { length = 0 }
    flow &+= 1
    if flow == flowCount {
      flow = 0
      sequence &+= 1
    }
  }
}
