// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import CTestSupport
import Syscalls
import TestSupport

/// The running kernel, asked through `BPF_PROG_TEST_RUN`; one thread.
@safe
final class KernelOracle {
  // Safe: opened here, closed in deinit, used by one thread.
  private let object: OpaquePointer
  private let program: Int32
  private let map: Int32
  private var output = [UInt8](repeating: 0, count: 1 << 17)

  /// Why the kernel did not run a script.
  struct Refused: Error, CustomStringConvertible {
    let call: String
    let errno: Errno

    var description: String { "\(call): \(errno)" }
  }

  init() throws {
    let path = try TestObject("adjustments").path
    guard let object = unsafe bpf_object__open_file(path, nil) else {
      throw Refused(call: "open \(path)", errno: .current)
    }
    unsafe self.object = object
    let result = unsafe bpf_object__load(object)
    guard result == 0 else { throw Refused(call: "load \(path)", errno: Errno(rawValue: result)) }
    program = unsafe bpf_program__fd(bpf_object__find_program_by_name(object, "adjustments"))
    map = unsafe bpf_object__find_map_fd_by_name(object, "script")
  }

  deinit { unsafe bpf_object__close(object) }

  /// What the kernel makes of a script.
  func run(_ script: PacketScript) throws -> Outcome {
    var value = adjustments(script)
    var key: UInt32 = 0
    try check("write the script", unsafe bpf_map_update_elem(map, &key, &value, 0))
    let octets = try testRun(script)
    try check("read the answers", unsafe bpf_map_lookup_elem(map, &key, &value))
    return Outcome(value, script, octets: octets)
  }

  private func testRun(_ script: PacketScript) throws -> [UInt8] {
    var context = xdp_md()
    context.data = UInt32(script.metadata)
    context.data_end = UInt32(script.metadata + script.linear)
    let end = script.first + script.metadata + script.byteCount
    return try unsafe PacketScript.material[script.first..<end].withUnsafeBytes { input in
      try unsafe output.withUnsafeMutableBytes { output in
        try unsafe withUnsafeMutablePointer(to: &context) { context in
          var options = unsafe bpf_test_run_opts()
          unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
          unsafe options.data_in = input.baseAddress
          unsafe options.data_size_in = UInt32(input.count)
          unsafe options.data_out = output.baseAddress
          unsafe options.data_size_out = UInt32(output.count)
          unsafe options.ctx_in = UnsafeRawPointer(context)
          unsafe options.ctx_size_in = UInt32(MemoryLayout<xdp_md>.size)
          unsafe options.repeat = 1
          try check("BPF_PROG_TEST_RUN", unsafe bpf_prog_test_run_opts(program, &options))
          return unsafe Array(output.prefix(Int(options.data_size_out)))
        }
      }
    }
  }

  private func check(_ call: String, _ result: Int32) throws {
    guard result < 0 else { return }
    throw Refused(call: call, errno: Errno(rawValue: result))
  }
}

extension adjustments {
  /// The script as the kernel's program reads it.
  fileprivate init(_ script: PacketScript) {
    self.init()
    count = UInt32(script.steps.count)
    unsafe withSteps { steps in
      for (index, step) in script.steps.enumerated() {
        unsafe steps[index].operation = step.operation.rawValue
        unsafe steps[index].argument = step.argument
        unsafe steps[index].count = step.count
        guard step.operation == STORE else { continue }
        unsafe withUnsafeMutableBytes(of: &steps[index].octets) {
          unsafe $0.copyBytes(from: script.stored(index))
        }
      }
    }
  }

  fileprivate mutating func withSteps<Result>(
    _ body: (UnsafeMutableBufferPointer<step>) throws -> Result
  ) rethrows -> Result {
    try unsafe withUnsafeMutableBytes(of: &steps) { try unsafe body($0.bindMemory(to: step.self)) }
  }
}

extension Outcome {
  fileprivate init(_ value: adjustments, _ script: PacketScript, octets: [UInt8]) {
    var value = value
    start = Answer(
      result: 0, length: Int(value.length), linear: Int(value.linear),
      metadata: Int(value.metadata))
    answers = unsafe value.withSteps { steps in
      script.steps.indices.map { index in
        let step = unsafe steps[index]
        var answer = Answer(
          result: step.result, length: Int(step.length), linear: Int(step.linear),
          metadata: Int(step.metadata))
        if script.steps[index].operation == LOAD, step.result == 0 {
          answer.octets = unsafe withUnsafeBytes(of: step.octets) {
            unsafe Array($0.prefix(Int(step.count)))
          }
        }
        return answer
      }
    }
    self.octets = octets
  }
}
