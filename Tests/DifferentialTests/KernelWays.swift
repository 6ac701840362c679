// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import CTestSupport
import Syscalls
import TestSupport
import Wire

/// The running kernel's forwarding table, asked through a program; one thread, in one network namespace.
@safe
final class KernelWays {
  // Safe: opened here, closed in deinit, used by one thread.
  private let object: OpaquePointer
  private let program: Int32
  private let map: Int32

  init() throws {
    let path = try TestObject("ways").path
    guard let object = unsafe bpf_object__open_file(path, nil) else {
      throw KernelOracle.Refused(call: "open \(path)", errno: .current)
    }
    unsafe self.object = object
    let result = unsafe bpf_object__load(object)
    guard result == 0 else {
      throw KernelOracle.Refused(call: "load \(path)", errno: Errno(rawValue: result))
    }
    program = unsafe bpf_program__fd(bpf_object__find_program_by_name(object, "look"))
    map = unsafe bpf_object__find_map_fd_by_name(object, "ways")
  }

  deinit { unsafe bpf_object__close(object) }

  /// Where a packet of 100 octets goes that came by an interface.
  func look(for destination: Destination, from ingress: UInt32) throws -> OurWay {
    var way = way()
    way.ingress = ingress
    way.length = 100
    switch destination {
    case .ipv4(let address):
      unsafe withUnsafeMutableBytes(of: &way.destination) {
        unsafe $0.storeBytes(of: address.rawValue.bigEndian, as: UInt32.self)
      }
    case .ipv6(let address):
      way.is_ipv6 = 1
      unsafe withUnsafeMutableBytes(of: &way.destination) {
        unsafe $0.storeBytes(of: address.high.bigEndian, as: UInt64.self)
        unsafe $0.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
    }
    var zero: UInt32 = 0
    try check("update", unsafe bpf_map_update_elem(map, &zero, &way, 0))
    try run(ingress)
    try check("look up", unsafe bpf_map_lookup_elem(map, &zero, &way))
    return OurWay(way)
  }

  private func run(_ ingress: UInt32) throws {
    let packet = [UInt8](repeating: 0, count: 64)
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
        return unsafe bpf_prog_test_run_opts(program, &options)
      }
    }
    try check("BPF_PROG_TEST_RUN", result)
  }

  private func check(_ call: String, _ result: Int32) throws {
    guard result < 0 else { return }
    throw KernelOracle.Refused(call: call, errno: Errno(rawValue: result))
  }
}
