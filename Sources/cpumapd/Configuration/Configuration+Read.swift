// SPDX-License-Identifier: Apache-2.0

import Control
import EBPF
import Plugins
import Syscalls

// One function for each part of the file, in the order of the file. What a value must be to stand alone is
// checked here; what it must be beside the others, in Configuration+Check.swift.
extension Configuration {
  /// The number of the newest file format, and so far the only one.
  static let version = 1

  mutating func read(_ root: YAMLMapping) {
    // The keys of another version are not ours to judge.
    guard let version = root.required("version"), version.word == String(Self.version) else {
      root["version"]?.mustBe("\(Self.version), the only version so far")
      return
    }
    let keys = [
      "version", "daemon", "memory", "ports", "steering", "programs", "entries", "on",
    ]
    root.expect(keys)
    // Under a misspelt key stand names that nobody has read.
    for (key, kind) in [("ports", Names.Kind.port), ("programs", .program), ("entries", .entry)]
    where root[key] == nil && root.names.contains(where: { !keys.contains($0) }) {
      root.collector.names.missName(of: kind)
    }
    if let cpu = root.collector.machine?.cpus.processors.first { daemon.housekeepingCPUs = [cpu] }
    if let mapping = root["daemon"]?.mapping() { daemon.read(mapping) }
    // Ports come first: what memory they need by default depends on their kinds.
    ports = root.required("ports")?.list(of: .port, Port.init) ?? []
    memory = Memory(forPorts: ports)
    if let mapping = root["memory"]?.mapping() { memory.read(mapping) }
    if let mapping = root["steering"]?.mapping() { steering.read(mapping) }
    if let mapping = root["programs"]?.mapping() {
      programs = mapping.names.compactMap { Program($0, in: mapping) }
    }
    entries = root["entries"]?.list(of: .entry, Entry.init) ?? []
    if let mapping = root["on"]?.mapping() { on.read(mapping) }
  }
}

extension Configuration.Daemon {
  fileprivate mutating func read(_ mapping: YAMLMapping) {
    mapping.expect(
      ["housekeeping_cpus", "control", "park", "metrics", "privileges"], later: ["restart"])
    if let value = mapping["housekeeping_cpus"] { housekeepingCPUs = value.processors() ?? [] }
    if let value = mapping["control"], let path = value.text() {
      // A Unix socket's address holds 108 octets, the last of them zero.
      if !path.hasPrefix("/") {
        value.error("\(value.path) must be an absolute path")
      } else if path.utf8.count > 107 {
        value.error("\(value.path) is \(path.utf8.count) octets long; a socket's path holds 107")
      }
      control = path
    }
    if let value = mapping["metrics"], let text = value.text() {
      metrics = ScrapeAddress(text)
      if metrics == nil {
        value.mustBe("unix:/path, tcp:127.0.0.1:port or tcp:[::1]:port")
      } else if case .unix(let path)? = metrics, path.utf8.count > 107 {
        value.error("\(value.path) is \(path.utf8.count) octets long; a socket's path holds 107")
      }
    }
    if let value = mapping["privileges"] { privileges = value.choice() ?? privileges }
    if let value = mapping["park"] { parking = value.choice() ?? parking }
  }
}

extension Configuration.Memory {
  /// The usual memory for these ports: AF_XDP needs its own model, the others do best with a page pool.
  fileprivate init(forPorts ports: [Configuration.Port]) {
    let needsSocketMemory = ports.contains { $0.afxdp != nil }
    model = needsSocketMemory ? .xsk : .pagePool
  }

  fileprivate mutating func read(_ mapping: YAMLMapping) {
    mapping.expect(["model", "frame_size", "frames", "hugepages"], later: ["numa"])
    if let value = mapping["model"] { model = value.choice() ?? model }
    if let value = mapping["frame_size"] {
      frameSize = value.choice(["2048", "4096"]).flatMap { Int($0) } ?? frameSize
    }
    if let value = mapping["frames"], let count = value.integer(in: 1...1 << 20) {
      if count.nonzeroBitCount != 1 {
        let below = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount)
        value.error(
          "memory.frames is \(count); it must be a power of two: \(below) or \(below * 2)")
      }
      frames = count
    }
    if let value = mapping["hugepages"] { hugePages = value.choice() ?? hugePages }
  }
}

extension Configuration.Steering {
  fileprivate mutating func read(_ mapping: YAMLMapping) {
    mapping.expect(
      ["hash", "entries"], later: ["buckets", "rebalance", "elephants", "rules"])
    if let hash = mapping["hash"]?.mapping() {
      hash.expect(["key", "symmetric"], later: ["esp", "fragments", "decap"])
      if let value = hash["key"] { key = value.choice(later: ["inner-5tuple"]) ?? key }
      if let value = hash["symmetric"], value.boolean() == false {
        value.error("\(value.path) \"false\" is not supported yet")
      }
    }
    entries = mapping["entries"]?.list()?.compactMap { $0.reference(.entry) } ?? []
  }
}

extension Configuration.Program {
  init?(_ key: String, in programs: YAMLMapping) {
    // YAML itself keeps the keys of a mapping distinct.
    _ = programs.collector.names.declare(key, .program, at: programs.path)
    guard let mapping = programs.required(key)?.mapping() else { return nil }
    switch mapping.required("kind")?.choice(["swift", "so", "ebpf"]) {
    case "swift": self.init(key, builtIn: mapping)
    case "so": self.init(key, sharedObject: mapping)
    case "ebpf": self.init(key, object: mapping)
    default: return nil
    }
  }

  private init?(_ name: String, builtIn mapping: YAMLMapping) {
    mapping.expect(["kind", "type", "args"], later: ["budget"])
    let table = Configuration.programTable
    guard let type = mapping.required("type")?.choice(table.names), let recipe = table[type] else {
      return nil
    }
    self.init(name: name, type: type)
    guard let given = mapping["args"]?.mapping() else { return }
    given.expect(recipe.parameters.map(\.name))
    for parameter in recipe.parameters {
      guard let value = given[parameter.name] else { continue }
      arguments[parameter.name] =
        parameter.words.isEmpty ? value.text() : value.choice(parameter.words)
    }
    // What only the program itself understands.
    do throws(PluginError) {
      _ = try recipe.make(tableArguments)
    } catch {
      given.error("\(given.path): \(error.reason)")
    }
  }

  private init?(_ name: String, sharedObject mapping: YAMLMapping) {
    mapping.expect(["kind", "file", "args"], later: ["budget"])
    let arguments = mapping["args"].map { $0.text() ?? "" } ?? ""
    guard let file = mapping.required("file")?.absolutePath() else { return nil }
    self.init(name: name, kind: .sharedObject(file: file, arguments: arguments))
  }

  private init?(_ name: String, object mapping: YAMLMapping) {
    mapping.expect(["kind", "file", "section", "budget", "maps", "set"])
    guard let file = mapping.required("file")?.absolutePath() else { return nil }
    var object = Object(file: file)
    object.section = mapping["section"]?.text()
    object.budget = mapping["budget"]?.integer(in: 1...1 << 30)
    object.maps = mapping["maps"]?.text()
    if let settings = mapping["set"]?.mapping() {
      for place in settings.names {
        guard let value = settings[place]?.text() else { continue }
        do throws(ObjectError) {
          object.settings.append(try ObjectSetting(place, value: value).description)
        } catch {
          settings.error("\(settings.path): \(error)")
        }
      }
    }
    self.init(name: name, kind: .object(object))
  }
}

extension Configuration.Entry {
  init?(_ mapping: YAMLMapping) {
    mapping.expect(
      ["name", "cpu", "qsize", "program", "chain"], later: ["on_full", "quota", "steer"])
    let name = mapping.declaredName(.entry)
    let cpu = mapping.required("cpu")?.processor()
    let queueSize = mapping["qsize"]?.integer(in: 1...16_384)
    let program = mapping["program"]?.reference(.program)
    let chain = mapping["chain"].flatMap(Self.chain)
    if program != nil, mapping["chain"] != nil {
      mapping.error("\(mapping.path) has both \"program\" and \"chain\"; one of them says it")
    }
    guard let name, let cpu else { return nil }
    self.init(name: name, cpu: cpu)
    self.queueSize = queueSize ?? self.queueSize
    self.program = program ?? chain
  }

  private static func chain(_ value: YAMLValue) -> String? {
    guard let list = value.list() else { return nil }
    guard list.count <= 1 else {
      value.error("\(value.path) of more than one program is not supported yet")
      return nil
    }
    return list.first?.reference(.program)
  }
}

extension Configuration.Outcome {
  fileprivate mutating func read(_ mapping: YAMLMapping) {
    mapping.expect(["pass", "redirect"], later: ["xdp_aborted"])
    pass = mapping["pass"]?.reference(.port)
    guard let ports = mapping["redirect"]?.mapping() else { return }
    for name in ports.names {
      ports.useKey(name, .port)
      redirect[name] = ports.required(name)?.reference(.port)
    }
  }
}

extension YAMLValue {
  /// The number of a CPU that this process may use; where that is not known, one that Linux could have.
  func processor() -> Int? {
    guard let cpu = integer(in: 0...1023) else { return nil }
    if let cpus = collector.machine?.cpus, !cpus.contains(cpu) {
      error("CPU \(cpu) is not one that this process may use: \(cpus)")
    }
    return cpu
  }

  /// The path of a file.
  func absolutePath() -> String? {
    guard let path = text("the path of a file") else { return nil }
    // The daemon's working directory is not the operator's.
    if path.hasPrefix("/") { return path }
    error("\(self.path) must be an absolute path")
    return nil
  }

  /// A list of CPUs, none of them twice.
  func processors() -> [Int]? { distinct { $0.processor() } }

  /// A list of numbers, not empty, none of them twice.
  func distinct(_ read: (YAMLValue) -> Int?) -> [Int]? {
    guard let list = list() else { return nil }
    if list.isEmpty { error("\(path) is empty") }
    var numbers: [Int] = []
    for element in list {
      guard let number = read(element) else { continue }
      if numbers.contains(number) {
        element.error("\(path) has \(number) twice")
      } else {
        numbers.append(number)
      }
    }
    return numbers
  }
}
