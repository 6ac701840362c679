// SPDX-License-Identifier: Apache-2.0

/// What a process may do that an ordinary one may not.
public struct Capabilities: OptionSet, Hashable, Sendable {
  /// One bit per capability, numbered as in `<linux/capability.h>`.
  public let rawValue: UInt64
  /// Takes the bits as `/proc/self/status` shows them.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `CAP_NET_ADMIN`: interfaces, TAP devices, XDP attachment.
  public static let networkAdministration = Capabilities(rawValue: 1 << 12)
  /// `CAP_NET_RAW`: packet and AF_XDP sockets.
  public static let networkRaw = Capabilities(rawValue: 1 << 13)
  /// `CAP_IPC_LOCK`: locked memory beyond the limit.
  public static let lockMemory = Capabilities(rawValue: 1 << 14)
  /// `CAP_SYS_ADMIN`: namespaces, and what has no capability of its own.
  public static let systemAdministration = Capabilities(rawValue: 1 << 21)
  /// `CAP_SYS_NICE`: real-time scheduling.
  public static let scheduling = Capabilities(rawValue: 1 << 23)
  /// `CAP_PERFMON`: tracing programs.
  public static let performanceMonitoring = Capabilities(rawValue: 1 << 38)
  /// `CAP_BPF`: loading programs and creating maps.
  public static let bpf = Capabilities(rawValue: 1 << 39)

  private static let names: [(Capabilities, String)] = [
    (.networkAdministration, "CAP_NET_ADMIN"), (.networkRaw, "CAP_NET_RAW"),
    (.lockMemory, "CAP_IPC_LOCK"), (.systemAdministration, "CAP_SYS_ADMIN"),
    (.scheduling, "CAP_SYS_NICE"), (.performanceMonitoring, "CAP_PERFMON"), (.bpf, "CAP_BPF"),
  ]

  /// Those in force for the calling thread; none where the kernel does not say.
  public static var effective: Capabilities {
    guard let status = TextFile.contents("/proc/thread-self/status") else { return [] }
    return Capabilities(status: status) ?? []
  }

  /// Reads the line `CapEff:` of a process's status file; nil if there is none.
  init?(status: String) {
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    guard let digits = line?.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " }).last,
      let bits = UInt64(digits, radix: 16)
    else { return nil }
    self.init(rawValue: bits)
  }

  /// The C names of those that this type has a name for.
  public var cNames: [String] { Self.names.filter { contains($0.0) }.map(\.1) }
}
