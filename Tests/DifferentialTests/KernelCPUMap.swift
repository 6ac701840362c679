// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import Syscalls

/// A CPU map of the running kernel, and two programs for its entries.
final class KernelCPUMap {
  private let map: FileDescriptor
  private let plain: FileDescriptor
  private let fragments: FileDescriptor

  /// Makes an empty map with two keys.
  init() throws {
    // Safe: the name outlives the call.
    map = FileDescriptor(
      owning: try KernelCPUMap.check(
        "make a CPU map", unsafe bpf_map_create(BPF_MAP_TYPE_CPUMAP, "cpus", 4, 8, 2, nil)))
    plain = FileDescriptor(owning: try KernelCPUMap.check("load", KernelCPUMap.loadPass(0)))
    fragments = FileDescriptor(
      owning: try KernelCPUMap.check(
        "load", KernelCPUMap.loadPass(UInt32(BPF_F_XDP_HAS_FRAGS))))
  }

  /// Puts an entry with a program on CPU 0; answers 0 or the error number.
  func update(_ key: UInt32, acceptsFragments: Bool) -> Int32 {
    var key = key
    var value = bpf_cpumap_val()
    value.qsize = 64
    unsafe value.bpf_prog.fd = acceptsFragments ? fragments.raw : plain.raw
    // Safe: key and value have the sizes that the map was made with.
    return -(unsafe bpf_map_update_elem(map.raw, &key, &value, 0))
  }

  /// Removes an entry; answers 0 or the error number.
  func remove(_ key: UInt32) -> Int32 {
    var key = key
    return -(unsafe bpf_map_delete_elem(map.raw, &key))
  }

  /// Loads `return XDP_PASS`.
  private static func loadPass(_ flags: UInt32) -> Int32 {
    var move = bpf_insn()
    move.code = UInt8(BPF_ALU64 | BPF_K | BPF_MOV)
    move.imm = Int32(XDP_PASS.rawValue)
    var exit = bpf_insn()
    exit.code = UInt8(BPF_JMP | BPF_EXIT)
    var options = unsafe bpf_prog_load_opts()
    unsafe options.sz = MemoryLayout<bpf_prog_load_opts>.size
    unsafe options.prog_flags = flags
    unsafe options.expected_attach_type = BPF_XDP_CPUMAP
    // Safe: instructions, names and options outlive the call.
    return unsafe [move, exit].withUnsafeBufferPointer {
      unsafe bpf_prog_load(
        BPF_PROG_TYPE_XDP, "pass", "Apache-2.0", $0.baseAddress, $0.count, &options)
    }
  }

  private static func check(_ call: String, _ result: Int32) throws -> Int32 {
    guard result < 0 else { return result }
    throw KernelOracle.Refused(call: call, errno: Errno(rawValue: result))
  }
}
