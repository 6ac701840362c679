// SPDX-License-Identifier: Apache-2.0

internal import Syscalls
internal import XDPFrame

/// What a port knows about its interface, and the program's attachment to it; under the port's lock.
///
/// Nothing an AF_XDP socket offers tells that its interface is gone: polling stays silent for ever. So the kernel's
/// link messages are listened to, every socket is asked whether it is still bound, and the attachment whether it
/// is still there.
struct AFXDPHealth: ~Copyable {
  /// The interface.
  private var watch: InterfaceWatch
  /// What redirects packets to the sockets; belongs to no interface.
  let program: RedirectProgram
  private let attachment: AFXDPOptions.Attachment
  private var link: ProgramLink?
  /// Whether the program runs in the driver; nil while it is not attached.
  private(set) var isNative: Bool?
  /// Why the port is not whole again; nil when nothing failed.
  private var failure: String?
  /// Whether packets are to come in.
  var isWanted = true
  var isClosed = false
  /// When what failed is tried again, and how long to wait after the next failure, in nanoseconds.
  private var nextTry: UInt64 = 0
  private var backOff: UInt64 = AFXDPHealth.shortestBackOff

  private static let shortestBackOff: UInt64 = 50_000_000
  private static let longestBackOff: UInt64 = 1_000_000_000

  /// Looks up an interface of the calling thread's namespace and loads the program.
  init(
    device: String, queueCount: Int, _ options: AFXDPOptions
  ) throws(SystemCallError) {
    let watch = try InterfaceWatch(device)
    program = try RedirectProgram(queueCount: max(queueCount, 1), fallback: options.fallback)
    self.watch = watch
    attachment = options.attachment
  }

  /// The interface, while there is one.
  var interface: Interface? { watch.interface }
  /// The interface as it is, or was last.
  var state: InterfaceState { watch.state }
  /// Why there is no interface; nil while there is one.
  private var absence: String? { watch.absence }

  /// Takes in what has happened to the interface; in its namespace.
  mutating func observe() {
    watch.observe()
    if absence != nil { detach() }
  }

  /// Looks the interface up anew; in its namespace.
  mutating func lookUp() {
    watch.lookUp()
    if absence != nil { detach() }
  }

  // MARK: - The attachment

  /// Attaches the program; in the interface's namespace.
  mutating func attach() throws(SystemCallError) {
    guard isWanted, isNative == nil else { return }
    let fresh = try ProgramLink(
      program.program.raw, interfaceIndex: state.index, attachment: attachment)
    isNative = fresh.isNative
    link = consume fresh
  }

  /// Detaches the program: packets go where they would without us.
  mutating func detach() {
    link = nil
    isNative = nil
  }

  /// Notices an attachment that was ended by force, or belongs to an interface that is not ours any more.
  mutating func checkLink() {
    guard let attached = link?.interfaceIndex(), attached != state.index else { return }
    detach()
    if absence == nil { failure = "the XDP program was detached by force" }
  }

  // MARK: - Trying again

  /// Whether it is time to try again what failed.
  func mayTry(at now: UInt64) -> Bool { now >= nextTry }

  mutating func noteFailure(_ error: SystemCallError, at now: UInt64) {
    failure = "\(AFXDPError.refused(error, interface: watch.device))"
    nextTry = now &+ backOff
    backOff = min(backOff * 2, AFXDPHealth.longestBackOff)
  }

  mutating func noteSuccess() {
    failure = nil
    nextTry = 0
    backOff = AFXDPHealth.shortestBackOff
  }

  // MARK: - What others see

  /// Tells every lane whether frames may be sent.
  func publish(to condition: PortCondition, _ queues: [AFXDPQueue]) {
    condition.largestPacket = state.largestPacket
    let refusal: DropReason = isClosed ? .shutdown : absence != nil ? .portGone : .portDown
    for queue in queues { queue.setLane(open: watch.carries && !isClosed, refusal: refusal) }
  }

  /// How the port is, and why.
  func condition(areSocketsOpen: Bool) -> (PortStatus.State, reason: String) {
    if isClosed { return (.closed, "the port was closed") }
    if let absence { return (.gone, absence) }
    if !state.isUp { return (.down, "the interface is down") }
    if !watch.carries { return (.down, "the interface has no carrier") }
    if !isWanted { return (.down, "the port was detached") }
    if areSocketsOpen, isNative != nil { return (.up, "") }
    return (.down, failure ?? "the interface is being taken up")
  }
}
