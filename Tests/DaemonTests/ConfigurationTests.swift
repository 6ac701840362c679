// SPDX-License-Identifier: Apache-2.0

import Ports
import Syscalls
import Testing

@testable import cpumapd

/// A file that says everything that can be said.
let completeFile = """
  # A comment.
  version: 1
  daemon:
    housekeeping_cpus: [0]
    control: /run/test.sock
    park: sleep
  memory: {model: xsk, frame_size: 2048, frames: 32_768, hugepages: off}
  ports:
    - {name: wan, kind: afxdp, device: eth0, queues: [0, 2], mode: zerocopy, mtu: 9000,
       fallback: drop, cpu: 1, program: acl}
    - name: lan
      kind: memory
    - {name: list, kind: generator, flows: 10, sizes: [64, 1500], rate: 1000, count: 50, cpu: 2}
    - {name: range, kind: generator, sizes: 64-1500}
    - {name: one, kind: generator, sizes: 128}
  steering:
    hash: {key: 5tuple, symmetric: true}
    entries: [w1, w2]
  programs:
    acl: {kind: swift, type: Drop}
    "count": {kind: swift, type: Count, args: {}}
  entries:
    - {name: w1, cpu: 3, qsize: 512, program: count}
    - {name: w2, cpu: 4, chain: [acl]}
    - {name: w3, cpu: 5, chain: []}
  on: {pass: lan, redirect: {wan: lan, list: wan}}

  """

let eightProcessors = Machine(cpus: CPUSet(0...7))

/// What an operator reads about a file: its errors, or else its warnings.
func diagnose(_ text: String, machine: Machine? = eightProcessors) -> String {
  do throws(DiagnosticList) {
    return try Configuration.parse(text, fileName: "f.yaml", machine: machine).warnings.text
  } catch {
    return error.text
  }
}

@Suite struct ConfigurationTests {
  @Test func everythingThatIsSaidIsRead() throws {
    let (configuration, warnings) = try Configuration.parse(
      completeFile, fileName: "f.yaml", machine: eightProcessors)
    #expect(warnings.text == "")
    #expect(
      configuration.daemon
        == Configuration.Daemon(
          housekeepingCPUs: [0], control: "/run/test.sock", parking: .sleep))
    #expect(
      configuration.memory
        == Configuration.Memory(model: .xsk, frameSize: 2048, frames: 32_768, hugePages: .off))
    #expect(
      configuration.ports == [
        Configuration.Port(
          name: "wan",
          kind: .afxdp(
            Configuration.AFXDP(
              device: "eth0", queues: [0, 2], mode: .zerocopy, mtu: 9000, fallback: .drop, cpu: 1)),
          program: "acl"),
        Configuration.Port(name: "lan", kind: .memory),
        Configuration.Port(
          name: "list",
          kind: .generator(
            Configuration.Generator(
              flows: 10, sizes: .list([64, 1500]), rate: 1000, count: 50, cpu: 2))),
        Configuration.Port(
          name: "range", kind: .generator(Configuration.Generator(sizes: .range(64...1500)))),
        Configuration.Port(
          name: "one", kind: .generator(Configuration.Generator(sizes: .list([128])))),
      ])
    #expect(configuration.steering.entries == ["w1", "w2"])
    #expect(configuration.steeredEntries.map(\.name) == ["w1", "w2"])
    #expect(
      configuration.programs == [
        Configuration.Program(name: "acl", type: "Drop"),
        Configuration.Program(name: "count", type: "Count"),
      ])
    #expect(
      configuration.entries == [
        Configuration.Entry(name: "w1", cpu: 3, queueSize: 512, program: "count"),
        Configuration.Entry(name: "w2", cpu: 4, queueSize: 2048, program: "acl"),
        Configuration.Entry(name: "w3", cpu: 5, queueSize: 2048, program: nil),
      ])
    #expect(
      configuration.on
        == Configuration.Outcome(pass: "lan", redirect: ["wan": "lan", "list": "wan"]))
  }

  @Test func whatIsNotSaidHasDefaults() throws {
    let (configuration, _) = try Configuration.parse(
      """
      version: 1
      ports: [{name: wan, kind: afxdp, device: eth0}]
      entries: [{name: w1, cpu: 1}]
      daemon:
      memory:
      """, fileName: "f.yaml", machine: nil)
    #expect(configuration.daemon == Configuration.Daemon())
    #expect(configuration.daemon.control == "/run/cpumapd/control.sock")
    #expect(configuration.memory == Configuration.Memory())
    #expect(configuration.ports[0].afxdp == Configuration.AFXDP(device: "eth0"))
    #expect(configuration.ports[0].program == nil)
    #expect(configuration.entries[0].queueSize == 2048)
    #expect(configuration.steeredEntries.map(\.name) == ["w1"])
    #expect(configuration.on == Configuration.Outcome())
  }

  @Test func howAPortReceivesIsRead() throws {
    let (configuration, _) = try Configuration.parse(
      """
      version: 1
      ports:
        - {name: a, kind: afxdp, device: eth0, mtu: 9000, receive: header-split}
        - {name: b, kind: memory, receive: linear}
        - {name: c, kind: memory, receive: jumbo}
        - {name: d, kind: memory}
      entries: [{name: w1, cpu: 1}]
      """, fileName: "f.yaml", machine: eightProcessors)
    #expect(configuration.ports.map(\.receive) == [.headerSplit, .linear, .jumbo, nil])
    let plan = Plan(configuration: configuration).text
    #expect(plan.contains("receive header-split") && plan.contains("receive linear"))
  }

  @Test(arguments: [
    (
      "{name: a, kind: tap, device: tap0, receive: header-split}",
      """
      f.yaml:2:53: error: ports[0].receive is header-split, which a port of kind tap cannot do; linear and \
      jumbo it can
      ports: [{name: a, kind: tap, device: tap0, receive: header-split}]
                                                          ^~~~~~~~~~~~

      """
    ),
    (
      "{name: a, kind: memory, receive: headers}",
      """
      f.yaml:2:42: error: ports[0].receive is "headers"; it must be one of linear, jumbo, header-split
      ports: [{name: a, kind: memory, receive: headers}]
                                               ^~~~~~~

      """
    ),
    (
      "{name: a, kind: afxdp, device: eth0, mtu: 9000, receive: linear}",
      """
      f.yaml:2:66: error: ports[0].receive is linear; packets of MTU 9000 do not fit into one buffer \
      of 4096 octets; jumbo and header-split use several
      ports: [{name: a, kind: afxdp, device: eth0, mtu: 9000, receive: linear}]
                                                                       ^~~~~~

      """
    ),
  ])
  func howAPortCannotReceiveIsExplained(port: String, text: String) {
    let file = "version: 1\nports: [\(port)]\nentries: [{name: w1, cpu: 1}]\non: {pass: a}\n"
    #expect(diagnose(file) == text)
  }

  @Test func portsToTheKernelAreRead() throws {
    let (configuration, _) = try Configuration.parse(
      """
      version: 1
      ports:
        - {name: lan, kind: tap, device: tap0, queues: 2, mtu: 9000, vnet_hdr: auto, transmit_program: count}
        - {name: wan, kind: packet, device: eth1, receive: header-split, cpu: 2}
        - {name: off, kind: tap, device: tap1, vnet_hdr: off}
      programs: {count: {kind: swift, type: Count}}
      entries: [{name: w1, cpu: 1}]
      on: {pass: lan}
      """, fileName: "f.yaml", machine: eightProcessors)
    var lan = Configuration.Device(device: "tap0", queues: 2, mtu: 9_000)
    lan.transmitProgram = "count"
    #expect(configuration.ports[0].kind == .tap(lan))
    #expect(configuration.ports[1].kind == .packet(Configuration.Device(device: "eth1", cpu: 2)))
    #expect(configuration.ports[1].receive == .headerSplit)
    #expect(configuration.memory.model == .pagePool)
    let plan = Plan(configuration: configuration).text
    #expect(plan.contains("tap0, 2 queues, senders may leave checksums, mtu 9000 if made"))
    #expect(plan.contains("program count at dequeue"))
    #expect(plan.contains("tap1, 1 queue, senders may leave nothing"))
    #expect(plan.contains("CAP_NET_RAW") && plan.contains("CAP_NET_ADMIN"))
    #expect(!plan.contains("CAP_BPF"))
  }

  /// Packets that are still to be cut come in where all ports can send them on.
  @Test(arguments: [
    ("", SenderOffload.segmentation), ("- {name: c, kind: memory}", .segmentation),
    ("- {name: c, kind: afxdp, device: eth1}", .checksum),
    ("- {name: c, kind: packet, device: eth1}", .segmentation),
    ("- {name: c, kind: packet, device: eth1, vnet_hdr: checksum}", .checksum),
    ("- {name: c, kind: tap, device: tap1, vnet_hdr: off}", .checksum),
  ])
  func whatSendersMayLeaveDependsOnAllPorts(other: String, offload: SenderOffload) throws {
    let (configuration, _) = try Configuration.parse(
      """
      version: 1
      ports:
        - {name: a, kind: tap, device: tap0}
        \(other)
      entries: [{name: w1, cpu: 1}]
      on: {pass: a}
      """, fileName: "f.yaml", machine: eightProcessors)
    let device = try #require(configuration.ports[0].kernelDevice)
    #expect(configuration.offload(of: device) == offload)
  }

  @Test func portsWithoutSocketsGetAPagePool() throws {
    let (configuration, _) = try Configuration.parse(
      "{version: 1, ports: [{name: a, kind: memory}], entries: [{name: w, cpu: 1}]}",
      fileName: "f.yaml", machine: nil)
    #expect(configuration.memory.model == .pagePool)
  }

  @Test func aliasesAndQuotesMeanWhatYAMLSays() throws {
    let (configuration, warnings) = try Configuration.parse(
      """
      "version": 1
      ports: [{name: 'wan', kind: "memory", program: p}]
      programs: {p: &p {kind: swift, type: Pass}, q: *p}
      entries: [{name: w, cpu: 1, program: q}]
      on: {pass: wan}
      """, fileName: "f.yaml", machine: eightProcessors)
    #expect(warnings.text == "")
    #expect(configuration.programs.map(\.type) == ["Pass", "Pass"])
  }

  @Test func theSameTextGivesTheSameResult() throws {
    let first = try Configuration.parse(completeFile, fileName: "f", machine: nil).configuration
    let second = try Configuration.parse(completeFile, fileName: "f", machine: nil).configuration
    #expect(first == second)
  }

  @Test func everyMutationIsAnsweredAndNoneTraps() {
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(truncatingIfNeeded: state >> 33) % bound
    }
    let original = Array(completeFile.utf8)
    let pieces = [
      "[", "]", "{", "}", ":", "- ", "&a ", "*a", "\n", "\t", "\"", "'", "null", "-1", "!!int ",
      "? ",
      "99999999999999999999", "\u{0}", "\u{85}", "é", "|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n",
    ].map { Array($0.utf8) }
    var accepted = 0
    for _ in 0..<4000 {
      var text = original
      for _ in 0...random(3) where !text.isEmpty {
        let index = random(text.count)
        switch random(4) {
        case 0: text[index] = UInt8(random(256))
        case 1: text.removeSubrange(index..<min(text.count, index + 1 + random(20)))
        case 2: text.insert(contentsOf: pieces[random(pieces.count)], at: index)
        default: text.replaceSubrange(index..<index + 1, with: pieces[random(pieces.count)])
        }
      }
      do throws(DiagnosticList) {
        _ = try Configuration.parse(
          String(decoding: text, as: UTF8.self), fileName: "f", machine: eightProcessors)
        accepted += 1
      } catch {
        #expect(error.hasErrors)
        #expect(error.text.hasPrefix("f:"))
      }
    }
    #expect(accepted > 0)
  }

  @Test func deepAndLongFilesAreRefused() {
    #expect(
      diagnose(String(repeating: "[", count: 100_000)).hasPrefix(
        "f.yaml:1:1: error: nested too deeply\n"))
    #expect(
      diagnose(String(repeating: "[", count: 900) + String(repeating: "]", count: 900)).hasPrefix(
        "f.yaml:1:1: error: the file must be a mapping"))
    #expect(
      diagnose(String(repeating: " ", count: 1 << 20 + 1))
        == "f.yaml: error: the file is longer than 1048576 octets\n")
  }
}
