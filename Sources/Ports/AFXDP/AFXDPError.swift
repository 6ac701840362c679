// SPDX-License-Identifier: Apache-2.0

public import MemModels
public import Syscalls
public import XDPFrame

/// Why an AF_XDP port could not be made, and what to do about it.
public enum AFXDPError: Error, Equatable, Sendable {
  /// The kernel refused a call; which, on which interface, why.
  case refused(SystemCallError, interface: String)
  /// An option makes no sense; which, and what would.
  case option(String, Int, allowed: String)
  /// Packets of this MTU do not fit into a chunk, and the port was not asked for several chunks per packet.
  case packetTooLarge(interface: String, mtu: Int, chunkByteCount: Int)
  /// The interface has fewer queues than asked for.
  case noSuchQueue(interface: String, queue: Int, count: Int)
  /// The UMEM or a pool could not be had.
  case memory(MemoryModelError)
  /// The registry is full.
  case registry(RegistryError)

  /// The kernel's reason, where it was the kernel that refused.
  public var errno: Errno? {
    if case .refused(let error, _) = self { error.errno } else { nil }
  }
}

extension AFXDPError: CustomStringConvertible {
  /// What failed and what to do, in one line.
  public var description: String {
    switch self {
    case .refused(let error, let interface):
      let advice = AFXDPError.advice(error, interface)
      return "\(interface): \(error)" + (advice.isEmpty ? "" : "; \(advice)")
    case .option(let name, let value, let allowed):
      return "\(name) is \(value); it must be \(allowed)"
    case .packetTooLarge(let interface, let mtu, let chunk):
      let largest = chunk - UMEM.headroom - InterfaceLimits.framing
      return "\(interface): packets of MTU \(mtu) do not fit into one chunk of \(chunk) octets; "
        + "ask for multi-buffer, or ip link set dev \(interface) mtu \(largest)"
    case .noSuchQueue(let interface, let queue, let count):
      return "\(interface): there is no queue \(queue), it has \(count); "
        + "ethtool -L \(interface) combined \(queue + 1)"
    case .memory(let error): return "\(error)"
    case .registry(let error): return "\(error)"
    }
  }

  /// What an operator can do about a refusal; empty where the reason says it all.
  private static func advice(_ error: SystemCallError, _ interface: String) -> String {
    switch (error.call, error.errno) {
    case ("socket", .notPermitted): "opening AF_XDP sockets needs CAP_NET_RAW"
    case ("socket", .addressFamilyNotSupported): "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)"
    case ("bpf BPF_MAP_CREATE", .notPermitted), ("bpf BPF_PROG_LOAD", .notPermitted):
      "loading programs needs CAP_BPF and CAP_NET_ADMIN"
    case ("bpf BPF_LINK_CREATE", .notPermitted): "attaching XDP needs CAP_NET_ADMIN"
    case ("bpf BPF_LINK_CREATE", .resourceBusy), ("bpf BPF_LINK_CREATE", .fileExists):
      "another XDP program is attached; see ip -d link show \(interface) and bpftool net"
    case ("bpf BPF_LINK_CREATE", .outOfRange): "the driver wants a smaller MTU for XDP"
    case ("bpf BPF_LINK_CREATE", .notSupported):
      "the driver has no native XDP; ask for generic attachment"
    case ("setsockopt XDP_UMEM_REG", .noBufferSpace), ("setsockopt XDP_UMEM_REG", .noMemory):
      "locked memory is limited; grant CAP_IPC_LOCK or raise ulimit -l"
    case ("bind", .resourceBusy):
      "another AF_XDP socket serves this queue; see ss --xdp, or wait if one was just closed"
    case ("bind", .notSupported): "the driver has no zero-copy AF_XDP; ask for copy mode"
    case ("bind", .invalidArgument):
      "the queue does not exist, or this kernel (before 6.6) has no multi-buffer AF_XDP"
    case ("bind", .networkDown): "ip link set dev \(interface) up"
    case (_, .noSuchDevice): "there is no such interface in this network namespace; see ip link"
    default: ""
    }
  }
}

/// What an Ethernet interface adds to its MTU.
enum InterfaceLimits {
  /// Octets beyond the MTU: an Ethernet header and a VLAN tag, as `xdp_ok_fwd_dev()` allows.
  ///
  /// Source: `ETH_HLEN` and `VLAN_HLEN`.
  static let framing = 14 + 4
}
