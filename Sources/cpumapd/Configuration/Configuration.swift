// SPDX-License-Identifier: Apache-2.0

import Control
import Ports

/// What the operator wants: a checked configuration file with every default filled in.
struct Configuration: Sendable, Equatable {
  var daemon = Daemon()
  var memory = Memory()
  var ports: [Port] = []
  var steering = Steering()
  var programs: [Program] = []
  var entries: [Entry] = []
  var on = Outcome()
}

extension Configuration {
  /// The daemon itself.
  struct Daemon: Sendable, Equatable {
    /// How a worker waits when its queue is empty.
    enum Parking: String, Sendable, CaseIterable {
      /// It never sleeps.
      case spin
      /// It spins for a while, then sleeps.
      case adaptive
      /// It sleeps at once.
      case sleep
    }

    /// What the process may do once everything is set up.
    enum Privileges: String, Sendable, CaseIterable {
      /// What a port needs that comes back after its interface was gone.
      case keepForPorts = "keep-for-ports"
      /// Nothing: a port whose interface goes away stays away.
      case dropAfterSetUp = "drop-after-setup"
    }

    /// The CPUs of the threads that carry no frames; by default the first that this process may use.
    var housekeepingCPUs: [Int] = [0]
    /// The path of the control socket.
    var control = "/run/cpumapd/control.sock"
    var parking = Parking.adaptive
    /// Where metrics can be fetched; nil for nowhere.
    var metrics: ScrapeAddress?
    var privileges = Privileges.keepForPorts
  }

  /// The buffers of the ports: one pool for each port, all of this shape.
  struct Memory: Sendable, Equatable {
    /// Who owns the buffers and how they come back.
    enum Model: String, Sendable, CaseIterable {
      case xsk
      case pagePool = "page-pool"
      case sharedPage = "shared-page"
    }

    /// Whether the arena asks for huge pages.
    enum HugePages: String, Sendable, CaseIterable {
      case auto
      case off
    }

    var model = Model.xsk
    /// The octets of one buffer, headroom included.
    var frameSize = 4096
    /// The buffers of one pool; a power of two.
    var frames = 16_384
    var hugePages = HugePages.auto
  }

  /// What carries frames in and out.
  struct Port: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
      case afxdp(AFXDP)
      case tap(Device)
      case packet(Device)
      case memory
      case generator(Generator)
      case pcap(Pcap)
    }

    var name: String
    var kind: Kind
    /// The program that its frames meet first; nil steers them to the entries.
    var program: String?
    /// How received packets are laid over buffers; nil is what the MTU needs, or jumbo without one.
    var receive: ReceiveMode?
  }

  /// An interface of the kernel through AF_XDP sockets, one for each queue.
  struct AFXDP: Sendable, Equatable {
    /// How the sockets are bound.
    enum Mode: String, Sendable, CaseIterable {
      case auto
      case copy
      case zerocopy
    }

    /// What the kernel does with frames that no socket takes.
    enum Fallback: String, Sendable, CaseIterable {
      case pass
      case drop
    }

    /// The slots of each of a socket's four rings; also the fewest buffers that one queue needs.
    static let ringSize = 2048

    var device: String
    var queues: [Int] = [0]
    var mode = Mode.auto
    /// The largest packet after its Ethernet header, in octets.
    var mtu = 1500
    var fallback = Fallback.pass
    /// The CPU of the thread that receives; nil leaves it to the scheduler.
    var cpu: Int?
  }

  /// An interface of the kernel through a TAP, or through packet sockets.
  struct Device: Sendable, Equatable {
    /// What senders may leave to be done to a packet, told by a `struct virtio_net_hdr` in front of it.
    enum VirtualHeader: String, Sendable, CaseIterable {
      /// As much as all ports can send on.
      case auto
      /// Nothing: there is no header.
      case off
      /// Checksums.
      case checksum
      /// Checksums, and cutting into segments.
      case segmentation
    }

    /// The most queues of one interface.
    static let queueLimit = 256
    /// The fewest buffers that a queue needs which receives packets of many buffers.
    static let frameCount = 512

    var device: String
    /// The number of queues, or of sockets that share the packets.
    var queues = 1
    /// The MTU of a TAP that does not exist yet.
    var mtu = 1500
    var virtualHeader = VirtualHeader.auto
    /// The program that runs on what the kernel transmits by a TAP, when it is dequeued.
    var transmitProgram: String?
    /// The CPU of the thread that receives; nil leaves it to the scheduler.
    var cpu: Int?
  }

  /// A source of made-up frames.
  struct Generator: Sendable, Equatable {
    /// The lengths of the frames, without check sequence, in octets.
    enum Sizes: Sendable, Equatable {
      /// These in turn.
      case list([Int])
      /// Any length of the range, evenly spread.
      case range(ClosedRange<Int>)
    }

    /// The number of distinct flows.
    var flows = 64
    var sizes = Sizes.list([64])
    /// Frames a second; nil is as fast as it goes.
    var rate: Int?
    /// The frames after which it stops; nil never stops.
    var count: Int?
    /// The CPU of the thread that generates; nil leaves it to the scheduler.
    var cpu: Int?
  }

  /// Frames out of a capture file, and into one.
  struct Pcap: Sendable, Equatable {
    /// When the frames of a file come.
    enum Speed: String, Sendable, CaseIterable {
      /// As fast as they are taken.
      case max
      /// When their timestamps say.
      case real
    }

    /// The file that frames come out of; nil for none.
    var input: String?
    /// The file that frames go into; nil refuses them.
    var output: String?
    var speed = Speed.max
    /// How often the input is played.
    var repetitions = 1
    /// The CPU of the thread that receives; nil leaves it to the scheduler.
    var cpu: Int?
  }

  /// Which entry a frame goes to.
  struct Steering: Sendable, Equatable {
    /// What of a frame decides.
    enum HashKey: String, Sendable, CaseIterable {
      case fiveTuple = "5tuple"
    }

    var key = HashKey.fiveTuple
    /// Whether both directions of a connection meet the same worker; the only way so far.
    var isSymmetric = true
    /// The entries that take part; empty means all.
    var entries: [String] = []
  }

  /// A program by name.
  struct Program: Sendable, Equatable {
    /// Where its code is.
    enum Kind: Sendable, Equatable {
      /// In cpumapd, by its name in the table.
      case swift(String)
      /// In a shared object; `arguments` is the text for it.
      case sharedObject(file: String, arguments: String = "")
      /// In an eBPF object.
      case object(Object)
    }

    /// A program of an eBPF object.
    struct Object: Sendable, Equatable {
      var file: String
      /// The function or section; nil takes the only program.
      var section: String?
      /// The jumps backwards and calls that one packet may cost.
      var budget: Int?
      /// Programs of the same name here share their maps; nil keeps them to this one.
      var maps: String?
      /// What is set before it runs, as `xdpframe-bpf --set` takes it.
      var settings: [String] = []
    }

    var name: String
    var kind: Kind
    /// What a program of cpumapd's own is told.
    var arguments: [String: String] = [:]
    /// How often it was loaded anew while the daemon ran: the file may say something else by now.
    var revision = 0

    init(name: String, kind: Kind) {
      self.name = name
      self.kind = kind
    }

    init(name: String, type: String) { self.init(name: name, kind: .swift(type)) }
  }

  /// An entry of the CPU map: a queue, a worker on a CPU, a program.
  struct Entry: Sendable, Equatable {
    var name: String
    var cpu: Int
    /// The slots of its queue, 1...16384.
    var queueSize = 2048
    /// Nil passes every frame.
    var program: String?
  }

  /// Where frames go after a verdict.
  struct Outcome: Sendable, Equatable {
    /// The port that takes frames with the verdict pass; nil drops them as `pass_unconfigured`.
    var pass: String?
    /// The port that takes frames redirected, by the port that received them.
    var redirect: [String: String] = [:]
  }
}

extension Configuration {
  /// The program of that name.
  func program(named name: String) -> Program? { programs.first { $0.name == name } }

  /// The entries that steering spreads frames over.
  var steeredEntries: [Entry] {
    steering.entries.isEmpty ? entries : entries.filter { steering.entries.contains($0.name) }
  }
}
