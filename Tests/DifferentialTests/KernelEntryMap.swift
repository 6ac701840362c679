// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import Syscalls

/// A CPU or device map of the running kernel.
final class KernelEntryMap {
  /// What a map leads to.
  enum Kind: CaseIterable {
    case cpu, device

    var type: bpf_map_type { self == .cpu ? BPF_MAP_TYPE_CPUMAP : BPF_MAP_TYPE_DEVMAP }
    var attachType: bpf_attach_type { self == .cpu ? BPF_XDP_CPUMAP : BPF_XDP_DEVMAP }
  }

  /// Two programs that pass everything, for the entries of maps of one kind.
  final class Programs {
    let kind: Kind
    fileprivate let plain: FileDescriptor
    fileprivate let fragments: FileDescriptor

    init(_ kind: Kind) throws {
      self.kind = kind
      plain = try KernelEntryMap.loadPass(kind, 0)
      fragments = try KernelEntryMap.loadPass(kind, UInt32(BPF_F_XDP_HAS_FRAGS))
    }
  }

  private let programs: Programs
  private let map: FileDescriptor

  /// Makes an empty map with two keys.
  init(_ programs: Programs) throws {
    self.programs = programs
    // Safe: the name outlives the call.
    map = FileDescriptor(
      owning: try KernelEntryMap.check(
        "make a map", unsafe bpf_map_create(programs.kind.type, "entries", 4, 8, 2, nil)))
  }

  /// Puts an entry with a program on CPU 0, or for the loopback interface; answers 0 or the error number.
  func update(_ key: UInt32, acceptsFragments: Bool) -> Int32 {
    let program = acceptsFragments ? programs.fragments.raw : programs.plain.raw
    switch programs.kind {
    case .cpu:
      var value = bpf_cpumap_val()
      value.qsize = 64
      unsafe value.bpf_prog.fd = program
      return unsafe update(key, &value)
    case .device:
      var value = bpf_devmap_val()
      value.ifindex = 1
      unsafe value.bpf_prog.fd = program
      return unsafe update(key, &value)
    }
  }

  private func update(_ key: UInt32, _ value: UnsafeRawPointer) -> Int32 {
    var key = key
    // Safe: key and value have the sizes that the map was made with.
    return -(unsafe bpf_map_update_elem(map.raw, &key, value, 0))
  }

  /// Removes an entry; answers 0 or the error number.
  func remove(_ key: UInt32) -> Int32 {
    var key = key
    return -(unsafe bpf_map_delete_elem(map.raw, &key))
  }

  /// Loads `return XDP_PASS`.
  private static func loadPass(_ kind: Kind, _ flags: UInt32) throws -> FileDescriptor {
    var move = bpf_insn()
    move.code = UInt8(BPF_ALU64 | BPF_K | BPF_MOV)
    move.imm = Int32(XDP_PASS.rawValue)
    var exit = bpf_insn()
    exit.code = UInt8(BPF_JMP | BPF_EXIT)
    var options = unsafe bpf_prog_load_opts()
    unsafe options.sz = MemoryLayout<bpf_prog_load_opts>.size
    unsafe options.prog_flags = flags
    unsafe options.expected_attach_type = kind.attachType
    // Safe: instructions, names and options outlive the call.
    let result = unsafe [move, exit].withUnsafeBufferPointer {
      unsafe bpf_prog_load(
        BPF_PROG_TYPE_XDP, "pass", "Apache-2.0", $0.baseAddress, $0.count, &options)
    }
    return FileDescriptor(owning: try check("load", result))
  }

  private static func check(_ call: String, _ result: Int32) throws -> Int32 {
    guard result < 0 else { return result }
    throw KernelOracle.Refused(call: call, errno: Errno(rawValue: result))
  }
}
