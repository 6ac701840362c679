// SPDX-License-Identifier: Apache-2.0

// What no part of the file can know alone: queues that two ports want, CPUs that are shared, buffers that must
// be enough for all.
extension Configuration {
  func check(_ collector: DiagnosticCollector) {
    checkQueues(collector)
    checkFiles(collector)
    checkUse(collector)
    checkProcessors(collector)
    checkMemory(collector)
    checkReceiving(collector)
    checkPaths(collector)
  }

  private func checkQueues(_ collector: DiagnosticCollector) {
    var owners: [String: Int] = [:]
    for (index, port) in ports.enumerated() {
      if case .tap(let tap) = port.kind,
        let owner = owners.updateValue(index, forKey: "TAP \(tap.device)")
      {
        collector.error(
          "TAP \(tap.device) belongs to ports[\(owner)] already", at: "ports[\(index)].device")
      }
      guard let afxdp = port.afxdp else { continue }
      for (position, queue) in afxdp.queues.enumerated() {
        let queueName = "queue \(queue) of \(afxdp.device)"
        if let owner = owners.updateValue(index, forKey: queueName) {
          collector.error(
            "\(queueName) belongs to ports[\(owner)] already",
            at: "ports[\(index)].queues[\(position)]", orElse: "ports[\(index)].device")
        }
      }
    }
  }

  /// A file that is written belongs to one port, and nobody reads it meanwhile.
  private func checkFiles(_ collector: DiagnosticCollector) {
    var writers: [String: Int] = [:]
    for (index, port) in ports.enumerated() {
      guard let file = port.pcap?.output else { continue }
      if let writer = writers.updateValue(index, forKey: file) {
        collector.error(
          "\"\(file.excerpt)\" is written by ports[\(writer)] already", at: "ports[\(index)].out")
      }
    }
    for (index, port) in ports.enumerated() {
      guard let file = port.pcap?.input, let writer = writers[file] else { continue }
      collector.error(
        "\"\(file.excerpt)\" is written by ports[\(writer)]", at: "ports[\(index)].in")
    }
  }

  private func checkUse(_ collector: DiagnosticCollector) {
    for program in programs where !collector.names.isUsed(program.name, .program) {
      collector.warning("program \"\(program.name)\" is never run", at: "programs.\(program.name)")
    }
  }

  private func checkPaths(_ collector: DiagnosticCollector) {
    if ports.isEmpty { collector.error("ports is empty", at: "ports") }
    for (index, port) in ports.enumerated() where port.program == nil && entries.isEmpty {
      collector.error(
        "ports[\(index)] steers its frames to entries, and there are none", at: "ports[\(index)]")
    }
    if on.pass == nil, mayPass {
      collector.warning(
        "on.pass names no port: frames that pass are dropped as pass_unconfigured", at: "on")
    }
  }

  /// Whether any frame may end with the verdict pass.
  private var mayPass: Bool {
    let named = (ports.compactMap(\.program) + entries.compactMap(\.program))
    return entries.contains { $0.program == nil }
      || named.contains { program(named: $0)?.mayPass ?? false }
  }
}
