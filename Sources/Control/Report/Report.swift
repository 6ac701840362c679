// SPDX-License-Identifier: Apache-2.0

/// What a datapath did: every frame and every buffer, by where it went.
///
/// The object that `--json` prints and that the control socket serves. Its keys are a contract with
/// scripts: keys may be added, never renamed, and readers skip what they do not know.
public struct Report: Sendable, Equatable {
  /// What carries the frames.
  public enum Mode: String, Sendable, CaseIterable {
    /// AF_XDP sockets.
    case afxdp
    /// Packet sockets.
    case packet
    /// TAP devices.
    case tap
    /// Memory only: generators and loopbacks.
    case memory
  }

  /// What carries the frames.
  public var mode: Mode
  /// The time that the counters cover, in seconds.
  public var seconds: Double
  /// Which configuration runs: 1 at the start, one more with every change; nil where there is no daemon.
  public var generation: UInt64?
  /// The busiest entry's frames of the last second by those of the average entry; nil when not measured.
  public var balance: Double?
  /// The ports in the order of the configuration.
  public var ports: [Port]
  /// The entries of the CPU map in the order of the configuration.
  public var entries: [Entry]
  /// The pools of buffers.
  public var pools: [Pool]
  /// The processes at work; empty where nobody asked a daemon.
  public var processes: [Process] = []

  /// Creates a report.
  public init(
    mode: Mode, seconds: Double, ports: [Port] = [], entries: [Entry] = [], pools: [Pool] = []
  ) {
    self.mode = mode
    self.seconds = seconds
    self.ports = ports
    self.entries = entries
    self.pools = pools
  }
}

extension Report {
  /// What one port received and sent.
  ///
  /// Balanced when quiet: `rx = pass + Σdrop + xdp_tx + redirect + aborted + in_flight`.
  public struct Port: Sendable, Equatable {
    /// The port's name in the configuration.
    public var name: String
    /// What it is: `afxdp`, `memory`, `generator` and so on.
    public var kind: String
    /// `up`, `down` or another word of the port's own.
    public var state: String
    /// Why the port is not up; nil when it is.
    public var reason: String?
    /// Frames received.
    public var rx: UInt64 = 0
    /// Octets of the frames received.
    public var rxBytes: UInt64 = 0
    /// Frames that the kernel dropped before this port could receive them; no part of `rx`.
    public var rxKernelDropped: UInt64 = 0
    /// Frames handed to the port that `on.pass` names.
    public var pass: UInt64 = 0
    /// Frames dropped on the receive path, by reason.
    public var drop: DropCounts = [:]
    /// Frames that the port's program sent back out of the same port.
    public var xdpTx: UInt64 = 0
    /// Frames redirected: to an entry, whose books begin there, or to another port.
    public var redirect: UInt64 = 0
    /// Frames whose program gave up.
    public var aborted: UInt64 = 0
    /// Frames sent out of this port, whoever asked for it.
    public var tx: UInt64 = 0
    /// Frames that this port failed to send.
    public var txErrors: UInt64 = 0
    /// Descriptors from the kernel that pointed at nothing of ours.
    public var invalidDescriptors: UInt64 = 0
    /// Frames received and not yet judged.
    public var inFlight: UInt64 = 0
    /// The same port in the words of `ethtool -S`.
    public var ethtool = EthtoolCounters()

    /// Creates a port's books with all counters at zero.
    public init(name: String, kind: String, state: String = "up", reason: String? = nil) {
      self.name = name
      self.kind = kind
      self.state = state
      self.reason = reason
    }
  }

  /// What one entry of the CPU map was offered and did.
  ///
  /// Balanced when quiet: `offered = enq + ring_drop`, `enq = processed + depth` and
  /// `processed = pass + Σdrop + tx + redirect + aborted`.
  public struct Entry: Sendable, Equatable {
    /// The entry's name in the configuration.
    public var id: String
    /// The CPU that its worker runs on.
    public var cpu: Int
    /// `up`, `drained` where steering sends it nothing, or `removed`, whose books stay.
    public var state = "up"
    /// The number of slots in its queue; 0 when not told.
    public var queueSize: UInt64 = 0
    /// Frames redirected to this entry.
    public var offered: UInt64 = 0
    /// Frames that its queue took.
    public var enqueued: UInt64 = 0
    /// Frames that its queue had no room for.
    public var ringDrop: UInt64 = 0
    /// Frames in the queue.
    public var depth: UInt64 = 0
    /// Frames that the worker took out and judged.
    public var processed: UInt64 = 0
    /// Frames handed to the port that `on.pass` names.
    public var pass: UInt64 = 0
    /// Frames dropped by the worker, by reason.
    public var drop: DropCounts = [:]
    /// Frames sent back out of the port that received them.
    public var tx: UInt64 = 0
    /// Frames redirected to a port.
    public var redirect: UInt64 = 0
    /// Frames whose program gave up.
    public var aborted: UInt64 = 0
    /// The time that the worker spent on frames, in nanoseconds; nil when not measured.
    public var busyNanoseconds: UInt64?
    /// How often the sleeping worker was woken.
    public var wakeups: UInt64 = 0
    /// The programs that run here, in order.
    public var programs: [Program] = []

    /// Creates an entry's books with all counters at zero.
    public init(id: String, cpu: Int) {
      self.id = id
      self.cpu = cpu
    }
  }

  /// A program of an entry.
  public struct Program: Sendable, Equatable {
    /// The program's name in the configuration.
    public var id: String
    /// `swift`, `so` or `ebpf`.
    public var kind: String
    /// Counts up when the program is replaced; starts at 1.
    public var version: UInt64
    /// Packets that were taken from it because it broke the rules.
    public var faults: UInt64 = 0

    /// Creates a reference to a program.
    public init(id: String, kind: String = "swift", version: UInt64 = 1) {
      self.id = id
      self.kind = kind
      self.version = version
    }
  }
}
