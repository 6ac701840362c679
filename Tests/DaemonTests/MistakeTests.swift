// SPDX-License-Identifier: Apache-2.0

import Syscalls
import Testing

@testable import cpumapd

/// A slip of the pen in a file that is right, and what is said about it: line, column, and what was meant.
struct Mistake: Sendable, CustomTestStringConvertible {
  let right: String
  let wrong: String
  let errors: [String]

  init(_ right: String, _ wrong: String, _ errors: String...) {
    self.right = right
    self.wrong = wrong
    self.errors = errors
  }

  var testDescription: String { errors.first ?? wrong }

  /// The file that is right.
  static let file = """
    version: 1
    daemon:
      housekeeping_cpus: [0]
      control: /run/cpumapd/control.sock
      metrics: unix:/run/cpumapd/metrics.sock
      privileges: keep-for-ports
    memory: {model: xsk, frame_size: 4096, frames: 8192, hugepages: auto}
    ports:
      - {name: wan, kind: afxdp, device: eth1, queues: [0, 1], mode: auto, mtu: 1500}
      - {name: lan, kind: memory}
    steering:
      hash: {key: 5tuple, symmetric: true}
      entries: [w1, w2]
    programs:
      nat: {kind: so, file: /usr/lib/nat.so, args: pool=203.0.113.0/24}
      count: {kind: swift, type: Count, args: {verdict: pass}}
    entries:
      - {name: w1, cpu: 1, qsize: 2048, program: nat}
      - {name: w2, cpu: 2, qsize: 2048, program: count}
    on: {pass: lan, redirect: {wan: lan}}

    """

  /// The mistakes that operators make.
  static let corpus = [
    Mistake(
      "version: 1", "version: 2",
      "1:10: version is \"2\"; it must be 1, the only version so far"),
    Mistake(
      "version: 1\n", "",
      "1:1: the file needs \"version\""),
    Mistake(
      "daemon:", "deamon:",
      "2:1: unknown key \"deamon\" in the file; did you mean \"daemon\"?"),
    Mistake(
      "memory:", "memroy:",
      "7:1: unknown key \"memroy\" in the file; did you mean \"memory\"?"),
    Mistake(
      "ports:", "port:",
      "1:1: the file needs \"ports\"",
      "8:1: unknown key \"port\" in the file; did you mean \"ports\"?"),
    Mistake(
      "steering:", "stearing:",
      "11:1: unknown key \"stearing\" in the file; did you mean \"steering\"?"),
    Mistake(
      "programs:", "program:",
      "14:1: unknown key \"program\" in the file; did you mean \"programs\"?"),
    Mistake(
      "entries:\n", "entrys:\n",
      "17:1: unknown key \"entrys\" in the file; did you mean \"entries\"?"),
    Mistake(
      "housekeeping_cpus", "housekeeping_cpu",
      "3:3: unknown key \"housekeeping_cpu\" in daemon; did you mean \"housekeeping_cpus\"?"),
    Mistake(
      "[0]", "0",
      "3:22: daemon.housekeeping_cpus is \"0\"; it must be a list"),
    Mistake(
      "[0]", "[]",
      "3:22: daemon.housekeeping_cpus is empty"),
    Mistake(
      "[0]", "[0, 0]",
      "3:26: daemon.housekeeping_cpus has 0 twice"),
    Mistake(
      "control: /run", "contol: /run",
      "4:3: unknown key \"contol\" in daemon; did you mean \"control\"?"),
    Mistake(
      "/run/cpumapd/control.sock", "control.sock",
      "4:12: daemon.control must be an absolute path"),
    Mistake(
      "metrics: unix:/run/cpumapd/metrics.sock", "metrics: 0.0.0.0:9817",
      "5:12: daemon.metrics is \"0.0.0.0:9817\"; it must be unix:/path, tcp:127.0.0.1:port or tcp:[::1]:port"
    ),
    Mistake(
      "keep-for-ports", "keep-for-port",
      "6:15: daemon.privileges is \"keep-for-port\"; it must be one of keep-for-ports, drop-after-setup; did you mean \"keep-for-ports\"?"
    ),
    Mistake(
      "privileges: keep-for-ports", "restart: keep-fds",
      "6:3: \"restart\" in daemon is not supported yet"),
    Mistake(
      "model: xsk", "model: xks",
      "7:17: memory.model is \"xks\"; it must be one of xsk, page-pool, shared-page; did you mean \"xsk\"?"
    ),
    Mistake(
      "model: xsk", "model: page-pool",
      "7:17: memory.model is page-pool; ports[0] of kind afxdp needs xsk"),
    Mistake(
      "frame_size: 4096", "frame_size: 4000",
      "7:34: memory.frame_size is \"4000\"; it must be one of 2048, 4096; did you mean \"4096\"?"),
    Mistake(
      "frames: 8192", "frames: 8000",
      "7:48: memory.frames is 8000; it must be a power of two: 4096 or 8192"),
    Mistake(
      "frames: 8192", "frames: 1024",
      "7:48: memory.frames is 1024; port wan needs at least 4096"),
    Mistake(
      "frames: 8192", "frames: \"8192\"",
      "7:48: memory.frames is \"8192\"; it must be a whole number, 1...1048576"),
    Mistake(
      "hugepages: auto", "hugepages: on",
      "7:65: memory.hugepages is \"on\"; it must be one of auto, off"),
    Mistake(
      "hugepages: auto", "numa: port",
      "7:54: \"numa\" in memory is not supported yet"),
    Mistake(
      "name: wan", "nmae: wan",
      "9:5: ports[0] needs \"name\"",
      "9:6: unknown key \"nmae\" in ports[0] of kind afxdp; did you mean \"name\"?"),
    Mistake(
      "name: wan", "name: \"w an\"",
      "9:12: ports[0].name is \"w an\"; it must be 1 to 32 letters, digits, \"-\", \"_\" or \".\""),
    Mistake(
      "kind: afxdp", "kind: af_xdp",
      "9:23: ports[0].kind is \"af_xdp\"; it must be one of afxdp, tap, packet, memory, generator, pcap; did you mean \"afxdp\"?"
    ),
    Mistake(
      "device: eth1", "devcie: eth1",
      "9:5: ports[0] needs \"device\"",
      "9:30: unknown key \"devcie\" in ports[0] of kind afxdp; did you mean \"device\"?"),
    Mistake(
      "device: eth1, ", "",
      "9:5: ports[0] needs \"device\""),
    Mistake(
      "device: eth1", "device: a-name-that-is-too-long",
      "9:38: ports[0].device is \"a-name-that-is-too-long\"; no interface can have that name"),
    Mistake(
      "queues: [0, 1]", "queues: [0, 0]",
      "9:56: ports[0].queues has 0 twice"),
    Mistake(
      "queues: [0, 1]", "queue: [0, 1]",
      "9:44: unknown key \"queue\" in ports[0] of kind afxdp; did you mean \"queues\"?"),
    Mistake(
      "mode: auto", "mode: zero-copy",
      "9:66: ports[0].mode is \"zero-copy\"; it must be one of auto, copy, zerocopy; did you mean \"zerocopy\"?"
    ),
    Mistake(
      "mtu: 1500", "mtu: 65536",
      "9:77: ports[0].mtu is \"65536\"; it must be a whole number, 68...9714"),
    Mistake(
      "mtu: 1500", "mtu: 1.5k",
      "9:77: ports[0].mtu is \"1.5k\"; it must be a whole number, 68...9714"),
    Mistake(
      "name: lan", "name: wan",
      "10:12: ports[1].name \"wan\" is taken by ports[0]"),
    Mistake(
      "kind: memory", "kind: vhost-user",
      "10:23: ports[1].kind is \"vhost-user\"; it must be one of afxdp, tap, packet, memory, generator, pcap"
    ),
    Mistake(
      "key: 5tuple", "key: 5-tuple",
      "12:15: steering.hash.key is \"5-tuple\"; it must be one of 5tuple; did you mean \"5tuple\"?"),
    Mistake(
      "key: 5tuple", "key: inner-5tuple",
      "12:15: steering.hash.key \"inner-5tuple\" is not supported yet"),
    Mistake(
      "symmetric: true", "symmetric: yes",
      "12:34: steering.hash.symmetric is \"yes\"; it must be true or false"),
    Mistake(
      "symmetric: true", "symetric: true",
      "12:23: unknown key \"symetric\" in steering.hash; did you mean \"symmetric\"?"),
    Mistake(
      "[w1, w2]", "[w1, w3]",
      "13:17: no entry is named \"w3\"; did you mean \"w1\"?"),
    Mistake(
      "  entries: [w1, w2]", "  buckets: 1024",
      "13:3: \"buckets\" in steering is not supported yet"),
    Mistake(
      "kind: so", "kind: ko",
      "15:15: programs.nat.kind is \"ko\"; it must be one of swift, so, ebpf; did you mean \"so\"?"),
    Mistake(
      "/usr/lib/nat.so", "nat.so",
      "15:25: programs.nat.file must be an absolute path"),
    Mistake(
      "type: Count", "type: Counter",
      "16:30: programs.count.type is \"Counter\"; it must be one of Pass, Drop, Reflect, Count, Redirect, Mirror, Tunnel; did you mean \"Count\"?"
    ),
    Mistake(
      "verdict: pass", "verdct: pass",
      "16:44: unknown key \"verdct\" in programs.count.args; did you mean \"verdict\"?"),
    Mistake(
      "file: /usr/lib/nat.so, ", "",
      "15:8: programs.nat needs \"file\""),
    Mistake(
      "cpu: 1", "cpu: 64",
      "18:21: CPU 64 is not one that this process may use: 0-3"),
    Mistake(
      "cpu: 1", "cpu: one",
      "18:21: entries[0].cpu is \"one\"; it must be a whole number, 0...1023"),
    Mistake(
      "cpu: 1, ", "",
      "18:5: entries[0] needs \"cpu\""),
    Mistake(
      "qsize: 2048, program: nat", "qsize: 16385, program: nat",
      "18:31: entries[0].qsize is \"16385\"; it must be a whole number, 1...16384"),
    Mistake(
      "qsize: 2048, program: nat", "qzise: 2048, program: nat",
      "18:24: unknown key \"qzise\" in entries[0]; did you mean \"qsize\"?"),
    Mistake(
      "program: nat", "progam: nat",
      "18:37: unknown key \"progam\" in entries[0]; did you mean \"program\"?"),
    Mistake(
      "program: nat", "program: natt",
      "18:46: no program is named \"natt\"; did you mean \"nat\"?"),
    Mistake(
      "program: nat", "chain: [nat, count]",
      "18:44: entries[0].chain of more than one program is not supported yet"),
    Mistake(
      "name: w2", "name: w1",
      "19:12: entries[1].name \"w1\" is taken by entries[0]"),
    Mistake(
      "program: count}", "program: count, quota: 25%}",
      "19:53: \"quota\" in entries[1] is not supported yet"),
    Mistake(
      "pass: lan", "pass: lna",
      "20:12: no port is named \"lna\"; did you mean \"lan\"?"),
    Mistake(
      "{wan: lan}", "{wan: lam}",
      "20:33: no port is named \"lam\"; did you mean \"lan\"?"),
    Mistake(
      "{wan: lan}", "{wna: lan}",
      "20:28: no port is named \"wna\"; did you mean \"wan\"?"),
    Mistake(
      "on: {", "no: {",
      "20:1: unknown key \"no\" in the file; did you mean \"on\"?"),
    Mistake(
      "redirect: {wan: lan}", "xdp_aborted: drop",
      "20:17: \"xdp_aborted\" in on is not supported yet"),
    Mistake(
      "  - {name: w2", "\t- {name: w2",
      "19:1: found character that cannot start any token (while scanning for the next token that starts in line 19)"
    ),
    Mistake(
      "queues: [0, 1]", "queues: [0, 1",
      "9:80: did not find expected ',' or ']' (while parsing a flow sequence that starts in line 9)"
    ),
    Mistake(
      "version: 1", "version: 1\nversion: 1",
      "1:1: key \"version\" stands twice in one mapping; this is the first"),
  ]
}

@Suite struct MistakeTests {
  private static let machine = Machine(cpus: CPUSet([0, 1, 2, 3]))

  /// What is said about a text, each error on a line of its own.
  private func errors(_ text: String) -> [String] {
    do throws(DiagnosticList) {
      _ = try Configuration.parse(text, fileName: "f", machine: Self.machine)
      return []
    } catch {
      return error.diagnostics.filter { $0.severity == .error }.map { diagnostic in
        guard let range = diagnostic.range else { return diagnostic.message }
        return "\(range.line):\(range.column): \(diagnostic.message)"
      }
    }
  }

  @Test func theFileIsRight() {
    #expect(errors(Mistake.file) == [])
    #expect(Mistake.corpus.count >= 50)
  }

  @Test(arguments: Mistake.corpus)
  func aMistakeIsToldWithItsPlaceAndWhatWasMeant(mistake: Mistake) throws {
    let place = try #require(Mistake.file.firstRange(of: mistake.right))
    #expect(
      errors(Mistake.file.replacingCharacters(in: place, with: mistake.wrong)) == mistake.errors)
  }

  /// Whatever stands where a key can stand: it is known, not supported yet, or an error.
  @Test func noUnknownKeyPasses() {
    let lines = Mistake.file.split(separator: "\n", omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() where line.contains("{") {
      for brace in line.indices where line[brace] == "{" {
        var changed = lines.map(String.init)
        let end = line.index(after: brace)
        changed[number] = "\(line[..<end])zzz: 1, \(line[end...])"
        let found = errors(changed.joined(separator: "\n"))
        #expect(found.contains { $0.contains("zzz") }, "\(changed[number])")
      }
    }
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    self[..<range.lowerBound] + text + self[range.upperBound...]
  }
}
