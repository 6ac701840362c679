// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import CTestSupport
import Syscalls
import TestSupport

/// Redirects of the running kernel: a device map and a CPU map, and a program that redirects to them; one thread.
@safe
final class KernelRedirects {
  // Safe: opened here, closed in deinit, used by one thread.
  private let object: OpaquePointer
  private let ask: Int32
  private let leave: Int32

  init() throws {
    let path = try TestObject("redirects").path
    guard let object = unsafe bpf_object__open_file(path, nil) else {
      throw KernelOracle.Refused(call: "open \(path)", errno: .current)
    }
    unsafe self.object = object
    let result = unsafe bpf_object__load(object)
    guard result == 0 else {
      throw KernelOracle.Refused(call: "load \(path)", errno: Errno(rawValue: result))
    }
    ask = unsafe bpf_program__fd(bpf_object__find_program_by_name(object, "ask"))
    leave = unsafe bpf_program__fd(bpf_object__find_program_by_name(object, "leave"))
  }

  deinit { unsafe bpf_object__close(object) }

  /// Leads a key of a device map to an interface of this namespace, or nowhere.
  func setPort(
    _ key: UInt32, of map: redirect_map = TO_PORTS, to index: UInt32?, hasProgram: Bool = false
  ) throws {
    var key = key
    let map = descriptor(map == TO_PORTS ? "ports" : "marks")
    guard let index else {
      return try check(
        "remove", unsafe bpf_map_delete_elem(map, &key), ignoring: .noSuchFileOrDirectory)
    }
    var value = bpf_devmap_val()
    value.ifindex = index
    unsafe value.bpf_prog.fd = hasProgram ? leave : 0
    try check("update", unsafe bpf_map_update_elem(map, &key, &value, 0))
  }

  /// Leads a key of the CPU map to CPU 0.
  func setCPU(_ key: UInt32) throws {
    var key = key
    var value = bpf_cpumap_val()
    value.qsize = 64
    try check("update", unsafe bpf_map_update_elem(descriptor("cpus"), &key, &value, 0))
  }

  /// What the program answers when it asks for a redirect.
  func answer(map: redirect_map, key: UInt32, flags: UInt64) throws -> UInt32 {
    try want(map, key, flags)
    var packet = [UInt8](repeating: 0, count: 64)
    var options = unsafe bpf_test_run_opts()
    unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
    unsafe options.data_size_in = UInt32(packet.count)
    let result = unsafe packet.withUnsafeMutableBytes {
      unsafe options.data_in = UnsafeRawPointer($0.baseAddress)
      return unsafe bpf_prog_test_run_opts(ask, &options)
    }
    try check("BPF_PROG_TEST_RUN", result)
    return unsafe options.retval
  }

  /// Redirects a packet that came by an interface of this namespace.
  func redirect(
    _ packet: [UInt8], from ingress: UInt32, map: redirect_map, key: UInt32 = 0, flags: UInt64 = 0
  ) throws {
    try want(map, key, flags)
    var context = xdp_md()
    context.data_end = UInt32(packet.count)
    context.ingress_ifindex = ingress
    let result = unsafe packet.withUnsafeBytes { input in
      unsafe withUnsafeMutablePointer(to: &context) { context in
        var options = unsafe bpf_test_run_opts()
        unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
        unsafe options.data_in = input.baseAddress
        unsafe options.data_size_in = UInt32(input.count)
        unsafe options.ctx_in = UnsafeRawPointer(context)
        unsafe options.ctx_size_in = UInt32(MemoryLayout<xdp_md>.size)
        unsafe options.flags = UInt32(BPF_F_TEST_XDP_LIVE_FRAMES)
        unsafe options.repeat = 1
        return unsafe bpf_prog_test_run_opts(ask, &options)
      }
    }
    try check("BPF_PROG_TEST_RUN", result)
  }

  private func want(_ map: redirect_map, _ key: UInt32, _ flags: UInt64) throws {
    var zero: UInt32 = 0
    var wish = wish()
    wish.map = map.rawValue
    wish.key = key
    wish.flags = flags
    try check("update", unsafe bpf_map_update_elem(descriptor("wishes"), &zero, &wish, 0))
  }

  private func descriptor(_ map: String) -> Int32 {
    unsafe bpf_object__find_map_fd_by_name(object, map)
  }

  private func check(_ call: String, _ result: Int32, ignoring ignored: Errno? = nil) throws {
    let errno = Errno(rawValue: abs(result))
    guard result < 0, errno != ignored else { return }
    throw KernelOracle.Refused(call: call, errno: errno)
  }
}
