// SPDX-License-Identifier: Apache-2.0

/// The kinds of maps that programs here can use, by the kernel's number.
///
/// Source: `enum bpf_map_type`, `include/uapi/linux/bpf.h`.
public enum MapKind: UInt32, Sendable, CaseIterable {
  /// Keys to values, by hash.
  case hash = 1
  /// Indices to values.
  case array = 2
  /// Indices to programs, for tail calls.
  case programArray = 3
  /// Where programs send records of any length, by processor.
  case perfEventArray = 4
  /// A hash with a value for each processor.
  case perCPUHash = 5
  /// An array with a value for each processor.
  case perCPUArray = 6
  /// A hash that makes room by forgetting what was not used lately.
  case lruHash = 9
  /// A hash of both these kinds.
  case lruPerCPUHash = 10
  /// Prefixes to values; the longest that matches is found.
  case longestPrefix = 11
  /// Indices to maps.
  case arrayOfMaps = 12
  /// Keys to maps.
  case hashOfMaps = 13
  /// Indices to ports.
  case deviceMap = 14
  /// Indices to CPUs.
  case cpuMap = 16
  /// Indices to sockets.
  case xskMap = 17
  /// First in, first out.
  case queue = 22
  /// Last in, first out.
  case stack = 23
  /// Keys to ports.
  case deviceHash = 25
  /// Where programs send records that the host reads in order.
  case ringBuffer = 27

  /// The kernel's name without its prefix, in small letters.
  public var name: String {
    switch self {
    case .hash: "hash"
    case .array: "array"
    case .programArray: "prog_array"
    case .perfEventArray: "perf_event_array"
    case .perCPUHash: "percpu_hash"
    case .perCPUArray: "percpu_array"
    case .lruHash: "lru_hash"
    case .lruPerCPUHash: "lru_percpu_hash"
    case .longestPrefix: "lpm_trie"
    case .arrayOfMaps: "array_of_maps"
    case .hashOfMaps: "hash_of_maps"
    case .deviceMap: "devmap"
    case .cpuMap: "cpumap"
    case .xskMap: "xskmap"
    case .queue: "queue"
    case .stack: "stack"
    case .deviceHash: "devmap_hash"
    case .ringBuffer: "ringbuf"
    }
  }

  /// Whether there is a value for each processor.
  public var isPerCPU: Bool {
    self == .perCPUArray || self == .perCPUHash || self == .lruPerCPUHash
  }
  /// Whether the values are maps.
  public var holdsMaps: Bool { self == .arrayOfMaps || self == .hashOfMaps }
  /// Whether programs redirect packets to it.
  public var isTarget: Bool {
    self == .deviceMap || self == .deviceHash || self == .cpuMap || self == .xskMap
  }
  var isLRU: Bool { self == .lruHash || self == .lruPerCPUHash }
}

/// The flags of an update: `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`, `BPF_F_LOCK`.
enum UpdateFlags {
  static let mustNotExist: UInt64 = 1
  static let mustExist: UInt64 = 2
  static let lock: UInt64 = 4
}

/// Error numbers as helpers answer them: negative.
enum Answer {
  static let missing: Int32 = -2
  static let tooBig: Int32 = -7
  static let again: Int32 = -11
  static let fault: Int32 = -14
  static let exists: Int32 = -17
  static let invalid: Int32 = -22
  static let noSpace: Int32 = -28
  static let notSupported: Int32 = -95
}
