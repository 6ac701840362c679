// SPDX-License-Identifier: Apache-2.0

internal import CLibBPF
internal import Syscalls

/// The program that the kernel runs on every packet, and the table of sockets that it looks up.
///
///     return bpf_redirect_map(&xsks, ctx->rx_queue_index, fallback);
///
/// Written out in instructions, so that neither building nor running needs a compiler for them. Neither the program
/// nor the table belongs to an interface: both outlive the interface's coming and going.
struct RedirectProgram: ~Copyable {
  /// The table: a socket for each queue.
  let map: FileDescriptor
  /// The program.
  let program: FileDescriptor

  /// Loads the program.
  ///
  /// - Parameters:
  ///   - queueCount: How many queues the table has room for.
  ///   - fallback: What becomes of packets on queues without a socket.
  /// - Throws: A lack of rights, or of memory.
  init(queueCount: Int, fallback: AFXDPOptions.Fallback) throws(SystemCallError) {
    // Safe: the name outlives the call.
    let number = unsafe bpf_map_create(
      BPF_MAP_TYPE_XSKMAP, "xsks", 4, 4, UInt32(queueCount), nil)
    guard number >= 0 else {
      throw SystemCallError("bpf BPF_MAP_CREATE", errno: Errno(rawValue: number))
    }
    let map = FileDescriptor(owning: number)
    let instructions = RedirectProgram.instructions(map: map.raw, fallback: fallback)
    var options = unsafe bpf_prog_load_opts()
    unsafe options.sz = MemoryLayout<bpf_prog_load_opts>.size
    unsafe options.prog_flags = UInt32(BPF_F_XDP_HAS_FRAGS)
    // Safe: instructions, names and options outlive the call.
    let program = unsafe instructions.withUnsafeBufferPointer {
      unsafe bpf_prog_load(
        BPF_PROG_TYPE_XDP, "xdpframe_xsk", "Apache-2.0", $0.baseAddress, $0.count, &options)
    }
    guard program >= 0 else {
      throw SystemCallError("bpf BPF_PROG_LOAD", errno: Errno(rawValue: program))
    }
    self.map = map
    self.program = FileDescriptor(owning: program)
  }

  /// Makes the program redirect a queue's packets to a socket.
  borrowing func redirect(queue: Int, to socket: RawDescriptor) throws(SystemCallError) {
    var key = UInt32(queue)
    var value = socket
    // Safe: key and value have the sizes that the map was made with.
    let result = unsafe bpf_map_update_elem(map.raw, &key, &value, UInt64(BPF_ANY))
    guard result == 0 else {
      throw SystemCallError("bpf BPF_MAP_UPDATE_ELEM", "xsks", errno: Errno(rawValue: result))
    }
  }

  /// The program's instructions.
  private static func instructions(
    map: RawDescriptor, fallback: AFXDPOptions.Fallback
  ) -> [bpf_insn] {
    let receiveQueueIndex: Int16 = 16  // offsetof(struct xdp_md, rx_queue_index)
    let verdict = fallback == .pass ? XDP_PASS.rawValue : XDP_DROP.rawValue
    return [
      // r2 = ctx->rx_queue_index
      instruction(BPF_LDX | BPF_W | BPF_MEM, 2, source: 1, offset: receiveQueueIndex),
      // r1 = &xsks, in two halves
      instruction(BPF_LD | BPF_DW | BPF_IMM, 1, source: BPF_PSEUDO_MAP_FD, immediate: map),
      instruction(0, 0),
      // r3 = fallback
      instruction(BPF_ALU64 | BPF_K | BPF_MOV, 3, immediate: Int32(verdict)),
      // return bpf_redirect_map(r1, r2, r3)
      instruction(BPF_JMP | BPF_CALL, 0, immediate: Int32(BPF_FUNC_redirect_map.rawValue)),
      instruction(BPF_JMP | BPF_EXIT, 0),
    ]
  }

  private static func instruction(
    _ code: Int32, _ destination: UInt8, source: Int32 = 0, offset: Int16 = 0, immediate: Int32 = 0
  ) -> bpf_insn {
    var instruction = bpf_insn()
    instruction.code = UInt8(code)
    instruction.dst_reg = destination
    instruction.src_reg = UInt8(source)
    instruction.off = offset
    instruction.imm = immediate
    return instruction
  }
}
