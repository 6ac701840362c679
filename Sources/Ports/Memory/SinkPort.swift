// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// A port that takes what a ``GeneratorPort`` made and says what became of it on the way.
///
/// Every octet of every packet is compared with what was made, but for the Ethernet addresses, which a program may
/// exchange. Frames go home at once. Anybody may send; nothing is received.
@safe
public final class SinkPort: Port, Sendable {
  /// What became of the traffic.
  public struct Report: Equatable, Sendable {
    /// Frames sent here.
    public var received: UInt64 = 0
    /// Octets of those that came whole.
    public var byteCount: UInt64 = 0
    /// Frames that the generator did not make like this: damaged, or somebody else's.
    public var corrupted: UInt64 = 0
    /// Packets that came after one that was made later.
    public var reordered: UInt64 = 0
    /// Packets that came a second time.
    public var duplicated: UInt64 = 0
    /// Packets that did not come while later ones did; those lost at the end are not among them.
    public var missing: UInt64 = 0

    /// The packets that came whole, each counted once.
    public var distinct: UInt64 { received - corrupted - duplicated }

    /// The packets that did not come, of so many made.
    public func lost(ofMade count: Int) -> Int { count - Int(distinct) }

    /// Whether what came is what was made, in order.
    public var isClean: Bool { corrupted + reordered + duplicated + missing == 0 }
  }

  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  private let plan: GeneratorPort.Plan
  private let template: TrafficTemplate
  private let state: Mutex<State>

  private struct State {
    var report = Report()
    var flows: [FlowOrder]
  }

  /// Makes a sink for what a generator with this plan makes.
  ///
  /// - Parameters:
  ///   - name: The operator's name.
  ///   - registry: Where its frames find home.
  ///   - plan: The generator's.
  /// - Throws: ``PortError`` for a plan that makes no sense.
  public init(
    name: String, registry: MemoryRegistry, plan: GeneratorPort.Plan
  ) throws(PortError) {
    if let objection = plan.objection { throw PortError("sink \(name): \(objection)") }
    self.name = name
    self.plan = plan
    number = registry.takePortNumber()
    template = TrafficTemplate(plan.network)
    state = Mutex(State(flows: Array(repeating: FlowOrder(), count: plan.flowCount)))
  }

  /// What became of the traffic so far; exact when quiet.
  public var report: Report { state.withLock { $0.report } }

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(kind: "sink", largestPacket: Limits.packet, sendsFragments: true)
    status.largestReceived = 0
    status.sent = report.received
    return status
  }

  /// Sinks receive nothing, by one queue.
  public var queueCount: Int { 1 }

  /// There is nothing to receive.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {}

  /// Looks into the frames and sends them home.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    let count = frames.count
    unsafe withUnsafeTemporaryAllocation(of: TrafficTemplate.Tag?.self, capacity: count) { tags in
      guard let start = tags.baseAddress else { return }
      var byteCount = 0
      // Octets are compared outside the lock; only the books are kept inside.
      for position in 0..<count {
        let tag = template.tag(of: unsafe frames.descriptors[position])
        byteCount += tag?.byteCount ?? 0
        unsafe (start + position).initialize(to: tag)
      }
      unsafe note(UnsafeBufferPointer(start: start, count: count), byteCount)
    }
    frames.recycle()
    return count
  }

  private func note(_ tags: UnsafeBufferPointer<TrafficTemplate.Tag?>, _ byteCount: Int) {
    state.withLock { state in
      state.report.received += UInt64(tags.count)
      state.report.byteCount += UInt64(byteCount)
      for position in tags.indices {
        guard let tag = unsafe tags[position], tag.flow < plan.flowCount,
          plan.byteCounts.contains(tag.byteCount)
        else {
          state.report.corrupted += 1
          continue
        }
        state.report.add(state.flows[Int(tag.flow)].note(tag.sequence))
      }
    }
  }

  /// There is nothing to poll.
  public func pollDescriptor(queue: Int) -> Int32? { nil }

  /// There is nothing to look after.
  public func maintain(queue: Int) {}
}

extension SinkPort.Report {
  fileprivate mutating func add(_ arrival: FlowOrder.Arrival) {
    switch arrival {
    case .inOrder: break
    case .ahead(let count): missing += count
    case .again: duplicated += 1
    case .late, .tooLate:
      reordered += 1
      missing -= min(missing, 1)
    }
  }
}
