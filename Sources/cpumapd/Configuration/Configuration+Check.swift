// SPDX-License-Identifier: Apache-2.0

// What no part of the file can know alone: names that refer to one another, CPUs that are shared, buffers
// that must be enough for all.
extension Configuration {
  func check(_ machine: Machine?, _ collector: DiagnosticCollector) {
    checkNames(collector)
    checkReferences(collector)
    checkProcessors(machine, collector)
    checkMemory(collector)
    checkPaths(collector)
  }

  private func checkNames(_ collector: DiagnosticCollector) {
    checkDistinct(ports.map(\.name), "ports", collector)
    checkDistinct(entries.map(\.name), "entries", collector)
    var owners: [String: Int] = [:]
    for (index, port) in ports.enumerated() {
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

  private func checkDistinct(_ names: [String], _ part: String, _ collector: DiagnosticCollector) {
    var owners: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      if let owner = owners[name] {
        collector.error(
          "\(part)[\(index)].name \"\(name)\" is taken by \(part)[\(owner)]",
          at: "\(part)[\(index)].name")
      } else {
        owners[name] = index
      }
    }
  }

  private func checkReferences(_ collector: DiagnosticCollector) {
    let programNames = programs.map(\.name)
    let portNames = ports.map(\.name)
    func check(_ name: String?, in names: [String], _ what: String, at path: String) {
      guard let name, !names.contains(name) else { return }
      let suggestion = Suggestion.phrase(for: name, among: names)
      collector.error("no \(what) is named \"\(name.excerpt)\"\(suggestion)", at: path)
    }
    for (index, port) in ports.enumerated() {
      check(port.program, in: programNames, "program", at: "ports[\(index)].program")
    }
    for (index, entry) in entries.enumerated() {
      let path = "entries[\(index)]"
      let isChain = collector.knows("\(path).chain[0]")
      check(
        entry.program, in: programNames, "program", at: path + (isChain ? ".chain[0]" : ".program"))
    }
    for (index, name) in steering.entries.enumerated() {
      check(name, in: entries.map(\.name), "entry", at: "steering.entries[\(index)]")
    }
    check(on.pass, in: portNames, "port", at: "on.pass")
    for (source, target) in on.redirect.sorted(by: { $0.key < $1.key }) {
      check(source, in: portNames, "port", at: "on.redirect.\(source)")
      check(target, in: portNames, "port", at: "on.redirect.\(source)")
    }
    let used = Set(ports.compactMap(\.program) + entries.compactMap(\.program))
    for program in programs where !used.contains(program.name) {
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
      || named.contains { program(named: $0)?.type.mayPass ?? false }
  }
}
