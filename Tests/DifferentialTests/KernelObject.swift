// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import CTestSupport
import EBPF
import Syscalls

/// An object in the running kernel; one thread.
@safe
final class KernelObject {
  // Safe: opened here, closed in deinit, used by one thread.
  private let object: OpaquePointer
  private var output = [UInt8](repeating: 0, count: 1 << 17)

  /// What a program made of a packet.
  struct Result: Equatable {
    var verdict: UInt32
    /// Metadata and packet.
    var octets: [UInt8]

    /// In words; as octets it would be pages.
    func difference(from kernel: Result) -> String {
      if verdict != kernel.verdict { return "verdict \(verdict), the kernel's \(kernel.verdict)" }
      if octets.count != kernel.octets.count {
        return "\(octets.count) octets, the kernel's \(kernel.octets.count)"
      }
      let places = octets.indices.filter { octets[$0] != kernel.octets[$0] }
      return "\(places.count) octets differ, first at \(places.first ?? 0): \(octets[places[0]]), "
        + "the kernel's \(kernel.octets[places[0]])"
    }
  }

  /// Loads an object, with the contents of its variables that `ours` has.
  init(path: String, like ours: Object) throws {
    // It tells of every section that is not for it.
    _ = unsafe libbpf_set_print(nil)
    guard let object = unsafe bpf_object__open_file(path, nil) else {
      throw KernelOracle.Refused(call: "open \(path)", errno: .current)
    }
    unsafe self.object = object
    var program = unsafe bpf_object__next_program(object, nil)
    while let current = unsafe program {
      unsafe bpf_program__set_type(current, BPF_PROG_TYPE_XDP)
      unsafe program = unsafe bpf_object__next_program(object, current)
    }
    for spec in ours.maps {
      guard let map = unsafe map(named: spec.name) else { continue }
      unsafe bpf_map__set_pin_path(map, nil)
      guard !spec.contents.isEmpty else { continue }
      _ = unsafe bpf_map__set_initial_value(map, spec.contents, spec.contents.count)
    }
    let result = unsafe bpf_object__load(object)
    guard result == 0 else {
      throw KernelOracle.Refused(call: "load \(path)", errno: Errno(rawValue: -result))
    }
  }

  deinit { unsafe bpf_object__close(object) }

  /// A map by the name that the object gives it; libbpf puts the object's in front of variables.
  private func map(named name: String) -> OpaquePointer? {
    var map = unsafe bpf_object__next_map(object, nil)
    while let current = unsafe map {
      let found = unsafe String(cString: bpf_map__name(current))
      if found == name || name.hasPrefix(".") && found.hasSuffix(name) { return unsafe current }
      unsafe map = unsafe bpf_object__next_map(object, current)
    }
    return nil
  }

  private func descriptor(of map: String) throws -> Int32 {
    guard let found = unsafe self.map(named: map) else {
      throw KernelOracle.Refused(call: "find map \(map)", errno: .noSuchFileOrDirectory)
    }
    return unsafe bpf_map__fd(found)
  }

  func setValue(_ value: [UInt8], of key: [UInt8], in map: String) throws {
    let result = unsafe bpf_map_update_elem(try descriptor(of: map), key, value, 0)
    guard result == 0 else {
      throw KernelOracle.Refused(call: "update \(map)", errno: Errno(rawValue: -result))
    }
  }

  /// The value of a key; nil for none.
  func value(of key: [UInt8], in map: String, byteCount: Int) throws -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: byteCount)
    let result = unsafe bpf_map_lookup_elem(try descriptor(of: map), key, &value)
    return result == 0 ? value : nil
  }

  /// Runs a program on a packet.
  func run(_ program: String, on packet: [UInt8]) throws -> Result {
    let descriptor = unsafe bpf_program__fd(bpf_object__find_program_by_name(object, program))
    return try unsafe packet.withUnsafeBytes { input in
      try unsafe output.withUnsafeMutableBytes { output in
        var options = unsafe bpf_test_run_opts()
        unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
        unsafe options.data_in = input.baseAddress
        unsafe options.data_size_in = UInt32(input.count)
        unsafe options.data_out = output.baseAddress
        unsafe options.data_size_out = UInt32(output.count)
        unsafe options.repeat = 1
        let result = unsafe bpf_prog_test_run_opts(descriptor, &options)
        guard result == 0 else {
          throw KernelOracle.Refused(
            call: "BPF_PROG_TEST_RUN of \(program)", errno: Errno(rawValue: -result))
        }
        return unsafe Result(
          verdict: options.retval, octets: Array(output.prefix(Int(options.data_size_out))))
      }
    }
  }
}
