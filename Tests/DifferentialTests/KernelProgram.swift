// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import EBPF
import Syscalls

/// A program in the running kernel.
struct KernelProgram: ~Copyable {
  private let program: FileDescriptor

  /// Loads a program; nil if the kernel refuses it.
  init?(_ slots: [RawInstruction]) {
    var options = unsafe bpf_prog_load_opts()
    unsafe options.sz = MemoryLayout<bpf_prog_load_opts>.size
    let result = unsafe slots.withUnsafeBytes {
      // Safe: a slot is laid out as the kernel's instruction is, and all of it outlives the call.
      unsafe bpf_prog_load(
        BPF_PROG_TYPE_XDP, "random", "Apache-2.0",
        $0.assumingMemoryBound(to: bpf_insn.self).baseAddress,
        $0.count / 8, &options)
    }
    guard result >= 0 else { return nil }
    program = FileDescriptor(owning: result)
  }

  /// Runs it once on a packet; answers what it returned and what it made of the packet.
  func run(_ packet: [UInt8]) throws(KernelOracle.Refused) -> (verdict: UInt32, packet: [UInt8]) {
    var output = [UInt8](repeating: 0, count: packet.count + 4096)
    var options = unsafe bpf_test_run_opts()
    unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
    unsafe options.data_size_in = UInt32(packet.count)
    unsafe options.data_size_out = UInt32(output.count)
    let result = unsafe packet.withUnsafeBytes { input in
      unsafe output.withUnsafeMutableBytes { output in
        unsafe options.data_in = input.baseAddress
        unsafe options.data_out = output.baseAddress
        return unsafe bpf_prog_test_run_opts(program.raw, &options)
      }
    }
    guard result == 0 else {
      throw KernelOracle.Refused(call: "BPF_PROG_TEST_RUN", errno: Errno(rawValue: result))
    }
    return unsafe (options.retval, Array(output.prefix(Int(options.data_size_out))))
  }
}
