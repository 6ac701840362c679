// SPDX-License-Identifier: Apache-2.0

internal import MemModels
internal import Synchronization
internal import Syscalls
public import XDPFrame

extension AFXDPPort {
  /// What the port can do and how it is; any thread.
  ///
  /// The kernel's drops are those of ``AFXDPCounters/dropped``: packets that were sent to the port are the packets
  /// it received and these. The invalid descriptors are those of the sending side; the receiving side's are in the
  /// loop's tally.
  public var status: PortStatus {
    var status = PortStatus(
      kind: "afxdp", largestPacket: Int(condition.largestPacket),
      sendsFragments: options.isMultiBuffer)
    status.singleBufferByteCount = umem.chunkByteCount - UMEM.headroom
    // Without multi-buffer the kernel drops what does not fit a chunk.
    if !options.isMultiBuffer {
      status.largestReceived = min(status.largestReceived, status.singleBufferByteCount)
    }
    let areOpen = queues.allSatisfy(\.isSocketOpen)
    (status.state, status.reason) = health.withLock { $0.condition(areSocketsOpen: areOpen) }
    let counters = counters
    status.kernelDropped = counters.dropped
    status.invalidDescriptors = counters.transmitInvalid
    for queue in queues {
      let tally = queue.state.tally
      status.sent &+= tally[.sent]
      status.sendErrors &+= tally[.sendErrors]
      status.sendErrors &+= unsafe queue.state.kernelRefused.pointee.load(ordering: .relaxed)
      status.invalidDescriptors &+= tally[.invalidDescriptors]
    }
    return status
  }

  /// What the kernel has counted for the port's sockets, those that it had before included.
  public var counters: AFXDPCounters {
    queues.reduce(AFXDPCounters()) { $0 + $1.counters }
  }

  /// Frames that were copied to be sent, because they lay in other memory.
  public var copiedCount: UInt64 {
    queues.reduce(0) { $0 &+ $1.state.tally[.copied] }
  }

  /// How the port is attached and bound, for an operator: `native, zero-copy` or `generic, copy`.
  public var modeDescription: String {
    let attachment = health.withLock { $0.isNative }
    let mode = queues.allSatisfy(\.isZeroCopy) ? "zero-copy" : "copy"
    guard let attachment else { return "detached, \(mode)" }
    return "\(attachment ? "native" : "generic"), \(mode)"
  }
}
