// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Syscalls

/// Looks at what can stand in a datapath's way.
enum Diagnosis {
  /// The machine and this process.
  static var machine: [Finding] {
    [kernel, ring, capabilities, tap, packetSockets, lockedMemory, processors]
  }

  private static var kernel: Finding {
    let release = KernelVersion.runningRelease
    guard KernelVersion.running >= KernelVersion(6, 6) else {
      return Finding(
        "kernel", .remark, "\(release) has no multi-buffer AF_XDP",
        fix: "keep MTUs at one buffer, or run Linux 6.6 or newer")
    }
    return Finding("kernel", .fine, "\(release) has multi-buffer AF_XDP")
  }

  private static var ring: Finding {
    switch Ring.availability {
    case .available: Finding("io_uring", .fine, "available")
    case .unavailable(_, let reason):
      Finding("io_uring", .remark, "workers will sleep on eventfd and poll", fix: reason)
    }
  }

  private static var capabilities: Finding {
    let needed: Capabilities = [.networkAdministration, .networkRaw, .bpf]
    let effective = Capabilities.effective
    guard isInFirstUserNamespace else {
      return Finding(
        "capabilities", .remark, "they count in this user namespace alone, where bpf(2) is refused",
        fix: "kind: packet or kind: tap, which do without AF_XDP")
    }
    guard !effective.contains(.systemAdministration) else {
      return Finding("capabilities", .fine, "all that AF_XDP needs")
    }
    let missing = needed.subtracting(effective)
    guard !missing.isEmpty else {
      return Finding("capabilities", .fine, "all that AF_XDP needs")
    }
    let names = missing.cNames.joined(separator: ",").lowercased()
    return Finding(
      "capabilities", .obstacle, "AF_XDP ports need \(missing.cNames.joined(separator: ", "))",
      fix: "sudo setcap \(names)+ep $(command -v cpumapd)")
  }

  /// The first user namespace maps every user to itself.
  private static var isInFirstUserNamespace: Bool {
    let map = TextFile.contents("/proc/self/uid_map") ?? ""
    return map.isEmpty || map.split(whereSeparator: \.isWhitespace) == ["0", "0", "4294967295"]
  }

  /// A TAP that belongs to the user needs no capability, so the device file decides.
  private static var tap: Finding {
    do {
      _ = try FileDescriptor(opening: "/dev/net/tun", O_RDWR)
    } catch {
      return Finding(
        "TAP", .remark, "ports of kind tap cannot be had: \(error)",
        fix: "modprobe tun, and let the process read and write /dev/net/tun")
    }
    guard Capabilities.effective.contains(.networkAdministration) else {
      return Finding(
        "TAP", .remark, "ports of kind tap need an interface that belongs to this user",
        fix: "sudo ip tuntap add dev tap0 mode tap user $(id -un)")
    }
    return Finding("TAP", .fine, "interfaces can be made and attached to")
  }

  private static var packetSockets: Finding {
    do {
      _ = try Socket(.packet, .raw)
      return Finding("packet sockets", .fine, "available")
    } catch {
      return Finding(
        "packet sockets", .remark, "ports of kind packet cannot be had: \(error)",
        fix: "sudo setcap cap_net_raw+ep $(command -v cpumapd), or unshare -Urn")
    }
  }

  private static var lockedMemory: Finding {
    let limit = try? ResourceLimit.lockedMemory.read()
    let octets = limit?.current
    guard let octets, octets < 64 << 20, !Capabilities.effective.contains(.lockMemory) else {
      return Finding("locked memory", .fine, octets.map { "\($0 >> 20) MiB" } ?? "not limited")
    }
    return Finding(
      "locked memory", .remark, "limited to \(octets >> 20) MiB, the UMEM's size",
      fix: "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit")
  }

  private static var processors: Finding {
    let allowed = CPUSet.allowed
    guard allowed.count > 1 else {
      return Finding(
        "CPUs", .remark, "only CPU \(allowed.description): receiving and working share it",
        fix: "give the process more CPUs: taskset, or CPUAffinity= in the unit")
    }
    return Finding("CPUs", .fine, "may use \(allowed.description)")
  }

  /// One interface.
  static func interface(_ name: String) -> [Finding] {
    let interface: Interface
    let state: InterfaceState
    do {
      interface = try Interface(named: name)
      state = try interface.state()
    } catch {
      return [Finding(name, .obstacle, "\(error)", fix: "ip link")]
    }
    return [
      link(state), mtu(state), program(state), queues(interface), checksum(interface, state),
      segmentation(interface, state),
    ]
  }

  private static func link(_ state: InterfaceState) -> Finding {
    guard state.isUp else {
      return Finding(
        state.name, .obstacle, "is down", fix: "ip link set dev \(state.name) up")
    }
    return Finding(state.name, .fine, "is up, kind \(state.kind.isEmpty ? "device" : state.kind)")
  }

  private static func mtu(_ state: InterfaceState) -> Finding {
    let oneBuffer: UInt32 = 4_096 - 256 - 18
    guard state.mtu > oneBuffer else {
      return Finding("\(state.name) MTU", .fine, "\(state.mtu): one buffer of 4096 octets")
    }
    return Finding(
      "\(state.name) MTU", .remark,
      "\(state.mtu): packets come in several buffers; ports[].mtu must say so",
      fix: "mtu: \(state.mtu) in the port's configuration")
  }

  private static func program(_ state: InterfaceState) -> Finding {
    guard state.xdpAttachment != 0 else {
      return Finding("\(state.name) XDP", .fine, "no program is attached")
    }
    return Finding(
      "\(state.name) XDP", .obstacle, "program \(state.xdpProgramID) is attached already",
      fix: "ip link set dev \(state.name) xdp off, unless it belongs to somebody")
  }

  private static func queues(_ interface: Interface) -> Finding {
    guard let counts = try? interface.queueCounts() else {
      return Finding("\(interface.name) queues", .fine, "one")
    }
    return Finding(
      "\(interface.name) queues", .fine,
      "\(counts.receive) for receiving, \(counts.transmit) for transmitting")
  }

  private static func checksum(_ interface: Interface, _ state: InterfaceState) -> Finding {
    guard state.kind == "veth", (try? interface.offloads(.transmitChecksum)) == true else {
      return Finding("\(state.name) checksums", .fine, "nothing to be done")
    }
    return Finding(
      "\(state.name) checksums", .remark,
      "the other end of a veth sends half checksums, which AF_XDP cannot complete",
      fix: "ethtool -K PEER tx off, on the other end")
  }

  private static func segmentation(_ interface: Interface, _ state: InterfaceState) -> Finding {
    let subject = "\(state.name) segmentation"
    if state.kind == "tun" {
      return Finding(subject, .fine, "a port of kind tap says what senders may leave")
    }
    guard state.kind == "veth", (try? interface.offloads(.tcpSegmentation)) == true else {
      return Finding(subject, .fine, "nothing to be done")
    }
    return Finding(
      subject, .remark,
      "the other end of a veth sends packets of up to 64 KiB that are still to be cut: "
        + "AF_XDP drops them, and so does kind packet unless vnet_hdr is segmentation",
      fix: "ethtool -K PEER tso off gso off, on the other end, or vnet_hdr: segmentation")
  }
}
