// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import CPeers
import Datapath
import MemModels
import Plugins
import Ports
import Syscalls
import XDPFrame

// A real interface: what comes out of AF_XDP's rings, through the loop that a daemon runs.
//
//     CPU 1:  sender ──▶ veth ──▶ copy into the UMEM ──▶ AF_XDP ──▶ ReceiveLoop ──▶ Drop     :CPU 0
//                          ▲                                            └─────────▶ Reflect  :CPU 0
//                          └──────────────────── AF_XDP, copy ◀────────────────────┘
//
// Each side has a cable of its own, and takes packets as long as its window lasts; what it is too slow for the kernel
// drops. The peer is a loop around the same rings in C, which has neither frames nor a ledger.
func ports(_ runner: inout Runner) {
  for (name, byteCount) in [("64", 64), ("9000", 9_000)] {
    afxdp(&runner, "afxdp.receive-drop.\(name)", byteCount, Drop()) { $0.drop() }
  }
  afxdp(&runner, "afxdp.forward.64", 64, Reflect()) { $0.forward() }
}

private func afxdp(
  _ runner: inout Runner, _ name: String, _ byteCount: Int, _ program: any Program & Sendable,
  _ poll: @escaping (PeerSocket) -> UInt64
) {
  guard runner.includes(name) else { return }
  do {
    let ours = try Cable(byteCount: byteCount)
    let theirs = try Cable(byteCount: byteCount)
    let receiver = try Receiver(on: ours, program: program)
    let socket = try PeerSocket(on: theirs)
    runner.compare(
      name, unit: .millionsPerSecond, threads: 2,
      peers: [
        .c(notBelow: 0.7) { count, cpus in
          theirs.time(count, senderOn: cpus[1]) { poll(socket) }
        }
      ]
    ) { count, cpus in ours.time(count, senderOn: cpus[1]) { UInt64(receiver.loop.poll()) } }
  } catch {
    print("\(name): left out: \(error)")
  }
}

/// An interface under AF_XDP, and the loop around it.
private struct Receiver {
  let loop: ReceiveLoop
  private let port: AFXDPPort

  init(on cable: Cable, program: any Program & Sendable) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let datapath = Datapath(registry: registry, entryCapacity: 1, parking: .spin)
    var options = AFXDPOptions()
    options.isMultiBuffer = cable.byteCount > 3_000
    let umem = try UMEM(registry: registry, chunkCount: options.chunkCount(queueCount: 1))
    port = try cable.receiving {
      try AFXDPPort(
        name: "bench", device: Cable.receiver, queues: [0], umem: umem, options: options)
    }
    let block = try registry.arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    loop = ReceiveLoop(
      port: port, queue: 0,
      program: ProgramSlot(program, named: "bench", in: datapath.quiescence),
      tally: unsafe Tally(memory: block.address), in: datapath)
  }
}

/// The loop in C.
@safe
private final class PeerSocket {
  // Safe: opened by init, closed by deinit; used by one thread.
  private let socket: OpaquePointer

  init(on cable: Cable) throws {
    unsafe socket = try cable.receiving {
      guard let socket = unsafe peer_xsk_open(Cable.receiver, cable.byteCount > 3_000 ? 1 : 0)
      else { throw Cable.Refused(what: "AF_XDP") }
      return unsafe socket
    }
  }

  deinit { unsafe peer_xsk_close(socket) }

  func drop() -> UInt64 { UInt64(unsafe peer_xsk_drop(socket)) }
  func forward() -> UInt64 { UInt64(unsafe peer_xsk_forward(socket)) }
}
