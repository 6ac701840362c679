// SPDX-License-Identifier: Apache-2.0

public import EBPF
internal import Synchronization
public import XDPFrame

/// A program out of an eBPF object: unmodified, sandboxed, and run packet by packet.
///
/// It sees the arena and nothing else; a wild access or an endless loop ends the run, aborts the packet and is
/// counted. Each has a processor of its own, for maps with a value for each, and is called by one thread at a time:
/// give every queue and every entry its own; maps are shared through the ``LoadedObject``.
@safe
public final class BPFProgram: Program, @unchecked Sendable {
  // Safe: one thread at a time runs a program; the rest are constants and atomics.
  private let runner: Runner
  private let executable: Executable
  private let state: UnsafeMutablePointer<PacketState>
  private let faults = Atomic<UInt64>(0)
  private let exhaustions = Atomic<UInt64>(0)
  /// The object it is out of.
  public let object: LoadedObject
  /// The program's function.
  public let name: String
  /// Whether it takes packets with fragments; those that it does not take are aborted.
  public let acceptsFragments: Bool

  /// What every object's programs may call: the general helpers, and those for packets.
  public static let helpers: HelperTable = {
    var table = HelperTable.general
    PacketHelpers.register(in: &table)
    RedirectHelpers.register(in: &table)
    RouteHelpers.register(in: &table)
    return table
  }()

  /// Prepares a program of an object to be run by one thread.
  ///
  /// - Parameters:
  ///   - object: Loaded with ``helpers``, in the arena that the packets lie in.
  ///   - name: The function or section; nil takes the object's only program.
  ///   - processor: The processor's number that it is to find, if no other program has it.
  ///   - takesFragments: Whether it is to see packets with fragments; nil asks the section that it stands in.
  ///   - routes: Where its redirects lead.
  ///   - forwarding: What it finds when it asks where a packet would go; nil forwards nothing.
  ///   - fuel: The jumps backwards and calls that one packet may cost.
  /// - Throws: ``LoadError`` that says what is missing.
  public init(
    _ object: LoadedObject, program name: String? = nil, processor: Int? = nil,
    takesFragments: Bool? = nil, routes: RedirectRoutes = RedirectRoutes(),
    forwarding: ForwardingTable? = nil, fuel: Int64 = Machine.defaultFuel
  ) throws(LoadError) {
    executable = try object.program(named: name)
    runner = try Runner(store: object.store, processor: processor, fuel: fuel)
    self.object = object
    self.name = executable.name
    let entry = object.object.programs.first { [name] in $0.name == name }
    acceptsFragments = takesFragments ?? entry?.takesFragments ?? false
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: PacketState(view: runner.contextAddress))
    unsafe state.pointee.routes = routes
    unsafe state.pointee.forwarding = forwarding
    unsafe runner.machine.context.setOwner(1, state)
  }

  deinit {
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  /// Packets aborted because the program touched memory that is not there, or called what is not; any thread.
  public var faultCount: UInt64 { faults.load(ordering: .relaxed) }
  /// Packets aborted because the program did not come to an end; any thread.
  public var exhaustionCount: UInt64 { exhaustions.load(ordering: .relaxed) }
  /// The number that the program finds for its processor.
  public var processor: Int { runner.processor }

  /// Gives each packet the verdict of a run.
  public func run(_ burst: inout Burst) {
    let view = unsafe runner.contextAddress
    let first = runner.contextOffset
    for position in 0..<burst.count {
      // Safe: the position is below the burst's count, and the packet stays there during the run.
      let packet = unsafe burst.packets + position
      let verdicts = unsafe burst.verdicts
      guard unsafe acceptsFragments || !packet.pointee.hasFragments else {
        unsafe verdicts[position] = .aborted
        continue
      }
      unsafe packet.pointee.target = RedirectTarget(map: 0, key: 0)
      unsafe state.pointee.packet = unsafe packet
      unsafe PacketState.showBorders(of: packet.pointee, in: view)
      unsafe PacketState.showOrigin(of: packet.pointee, in: view)
      let outcome = runner.run(executable, first)
      if outcome.fault != .none { count(outcome.fault) }
      unsafe verdicts[position] = Verdict(rawValue: UInt32(truncatingIfNeeded: outcome.value))
    }
    unsafe state.pointee.packet = nil
  }

  @inline(never)
  private func count(_ fault: Fault) {
    if fault == .fuel {
      exhaustions.add(1, ordering: .relaxed)
    } else {
      faults.add(1, ordering: .relaxed)
    }
  }
}
