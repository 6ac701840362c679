// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import cpumapd

/// A wrong file and exactly what is said about it.
struct WrongFile: Sendable, CustomTestStringConvertible {
  let text: String
  let diagnosis: String

  init(_ text: String, _ diagnosis: String) {
    self.text = text
    self.diagnosis = diagnosis
  }

  var testDescription: String { String(diagnosis.prefix { $0 != "\n" }) }
}

/// What a file needs besides the part under test.
private let rest = """

  version: 1
  ports: [{name: p, kind: memory}]
  entries: [{name: w, cpu: 1}]
  on: {pass: p}
  """

@Suite struct ConfigurationDiagnosticsTests {
  @Test(arguments: [
    WrongFile("", "f.yaml: error: the file is empty\n"),
    WrongFile("# nothing\n", "f.yaml: error: the file is empty\n"),
    WrongFile(
      "[1]",
      """
      f.yaml:1:1: error: the file must be a mapping, key: value
      [1]
      ^

      """),
    WrongFile(
      "version: 1\nports: [\n",
      """
      f.yaml:3:1: error: did not find expected node content (while parsing a flow node that starts \
      in line 3)

      """),
    WrongFile(
      "version: 1\n\tports: 1\n",
      """
      f.yaml:2:1: error: found a tab character that violates indentation (while scanning a plain \
      scalar that starts in line 1)
      \tports: 1
      ^

      """),
    WrongFile(
      "version: 1\na: \u{1}\n",
      """
      f.yaml:2:4: error: control characters are not allowed
      a: \u{FFFD}
         ^

      """),
    WrongFile(
      "version: 1\r\nversion: 1\r\n",
      """
      f.yaml:1:1: error: key "version" stands twice in one mapping; this is the first
      version: 1
      ^~~~~~~

      """),
    WrongFile(
      "version: 1\n---\nversion: 1\n",
      """
      f.yaml:2:1: error: but found another document (expected a single document in the stream that \
      starts in line 1)
      ---
      ^

      """),
    WrongFile(
      "? [a]\n: 1\nversion: 1\nports: []\n",
      """
      f.yaml:1:3: error: a key must be text
      ? [a]
        ^

      """),
    WrongFile(
      "prots: []\n",
      """
      f.yaml:1:1: error: the file needs "version"
      prots: []
      ^

      """),
    WrongFile(
      "version: 2\nprots: []\n",
      """
      f.yaml:1:10: error: version is "2"; it must be 1, the only version so far
      version: 2
               ^

      """),
    WrongFile(
      "version: 1\nports: []\n",
      """
      f.yaml:2:8: error: ports is empty
      ports: []
             ^

      """),
    WrongFile(
      "version: 1\nports:\n",
      """
      f.yaml:2:1: error: the file needs "ports"
      ports:
      ^~~~~

      """),
  ])
  func wrongFilesAreExplained(file: WrongFile) {
    #expect(diagnose(file.text) == file.diagnosis)
  }

  @Test(arguments: [
    WrongFile(
      "daemon: {prak: spin}",
      """
      f.yaml:1:10: error: unknown key "prak" in daemon; did you mean "park"?
      daemon: {prak: spin}
               ^~~~

      """),
    WrongFile(
      "daemon: [spin]",
      """
      f.yaml:1:9: error: daemon must be a mapping, key: value
      daemon: [spin]
              ^

      """),
    WrongFile(
      "daemon: {park: idle}",
      """
      f.yaml:1:16: error: daemon.park is "idle"; it must be one of spin, adaptive, sleep
      daemon: {park: idle}
                     ^~~~

      """),
    WrongFile(
      "daemon: {park: [spin]}",
      """
      f.yaml:1:16: error: daemon.park must be spin or adaptive or sleep
      daemon: {park: [spin]}
                     ^

      """),
    WrongFile(
      "daemon: {control: run}",
      """
      f.yaml:1:19: error: daemon.control must be an absolute path
      daemon: {control: run}
                        ^~~

      """),
    WrongFile(
      "daemon: {control: /" + String(repeating: "x", count: 107) + "}",
      """
      f.yaml:1:19: error: daemon.control is 108 octets long; a socket's path holds 107
      daemon: {control: /\(String(repeating: "x", count: 101))
                        ^\(String(repeating: "~", count: 101))

      """),
    WrongFile(
      "daemon: {housekeeping_cpus: [0, \"1\", 0, 1024]}",
      """
      f.yaml:1:33: error: daemon.housekeeping_cpus[1] is "1"; it must be a whole number, 0...1023
      daemon: {housekeeping_cpus: [0, "1", 0, 1024]}
                                      ^~~
      f.yaml:1:38: error: daemon.housekeeping_cpus has 0 twice
      daemon: {housekeeping_cpus: [0, "1", 0, 1024]}
                                           ^
      f.yaml:1:41: error: daemon.housekeeping_cpus[3] is "1024"; it must be a whole number, 0...1023
      daemon: {housekeeping_cpus: [0, "1", 0, 1024]}
                                              ^~~~

      """),
    WrongFile(
      "daemon: {housekeeping_cpus: 0}",
      """
      f.yaml:1:29: error: daemon.housekeeping_cpus is "0"; it must be a list
      daemon: {housekeeping_cpus: 0}
                                  ^

      """),
    WrongFile(
      "daemon: {housekeeping_cpus: []}",
      """
      f.yaml:1:29: error: daemon.housekeeping_cpus is empty
      daemon: {housekeeping_cpus: []}
                                  ^

      """),
    WrongFile(
      "daemon: {housekeeping_cpus: [9]}",
      """
      f.yaml:1:30: error: CPU 9 is not one that this process may use: 0-7
      daemon: {housekeeping_cpus: [9]}
                                   ^

      """),
    WrongFile(
      "memory: {model: page_pool, frame_size: 1024, frames: 1000, hugepages: on}",
      """
      f.yaml:1:17: error: memory.model is "page_pool"; it must be one of xsk, page-pool, shared-page; \
      did you mean "page-pool"?
      memory: {model: page_pool, frame_size: 1024, frames: 1000, hugepages: on}
                      ^~~~~~~~~
      f.yaml:1:40: error: memory.frame_size is "1024"; it must be one of 2048, 4096
      memory: {model: page_pool, frame_size: 1024, frames: 1000, hugepages: on}
                                             ^~~~
      f.yaml:1:54: error: memory.frames is 1000; it must be a power of two: 512 or 1024
      memory: {model: page_pool, frame_size: 1024, frames: 1000, hugepages: on}
                                                           ^~~~
      f.yaml:1:71: error: memory.hugepages is "on"; it must be one of auto, off
      memory: {model: page_pool, frame_size: 1024, frames: 1000, hugepages: on}
                                                                            ^~

      """),
    WrongFile(
      "memory: {frames: 64}",
      """
      f.yaml:1:18: error: memory.frames is 64; port p needs at least 128
      memory: {frames: 64}
                       ^~

      """),
    WrongFile(
      "memory: {frames: 2048}",
      """
      f.yaml:1:18: warning: memory.frames is 2048: with full queues (2048) port p runs out of buffers \
      before a queue can say that it is full; 4096 is enough
      memory: {frames: 2048}
                       ^~~~

      """),
    WrongFile(
      "memory: {frames: 1_048_576, frame_size: 4096}", ""),
    WrongFile(
      "memory: {frames: 2_097_152}",
      """
      f.yaml:1:18: error: memory.frames is "2_097_152"; it must be a whole number, 1...1048576
      memory: {frames: 2_097_152}
                       ^~~~~~~~~

      """),
    WrongFile(
      "steering: {hash: {key: inner-5tuple, symmetric: false}}",
      """
      f.yaml:1:24: error: steering.hash.key "inner-5tuple" is not supported yet
      steering: {hash: {key: inner-5tuple, symmetric: false}}
                             ^~~~~~~~~~~~
      f.yaml:1:49: error: steering.hash.symmetric "false" is not supported yet
      steering: {hash: {key: inner-5tuple, symmetric: false}}
                                                      ^~~~~

      """),
    WrongFile(
      "steering: {hash: {key: 4tuple, symmetric: yes}, entries: [w, v]}",
      """
      f.yaml:1:24: error: steering.hash.key is "4tuple"; it must be one of 5tuple; did you mean "5tuple"?
      steering: {hash: {key: 4tuple, symmetric: yes}, entries: [w, v]}
                             ^~~~~~
      f.yaml:1:43: error: steering.hash.symmetric is "yes"; it must be true or false
      steering: {hash: {key: 4tuple, symmetric: yes}, entries: [w, v]}
                                                ^~~
      f.yaml:1:62: error: no entry is named "v"
      steering: {hash: {key: 4tuple, symmetric: yes}, entries: [w, v]}
                                                                   ^

      """),
    WrongFile(
      "steering: {entries: [w, v]}",
      """
      f.yaml:1:25: error: no entry is named "v"
      steering: {entries: [w, v]}
                              ^

      """),
    WrongFile(
      """
      programs:
        a: {kind: so, file: x.so}
        b: {kind: swift}
        c: {kind: swift, type: count}
        d: {kind: swift, type: Count, args: {n: 1}}
        e:
        f: {type: Pass}
        g: {kind: swift, type: Pass}
        h: {kind: swift, type: Redirect, args: {miss: sent}}
        i: {kind: swift, type: Mirror, args: {port: ssh}}
      """,
      """
      f.yaml:2:23: error: programs.a.file must be an absolute path
        a: {kind: so, file: x.so}
                            ^~~~
      f.yaml:3:6: error: programs.b needs "type"
        b: {kind: swift}
           ^
      f.yaml:4:26: error: programs.c.type is "count"; it must be one of Pass, Drop, Reflect, Count, Redirect, \
      Mirror, Tunnel; did you mean "Count"?
        c: {kind: swift, type: count}
                               ^~~~~
      f.yaml:5:40: error: unknown key "n" in programs.d.args
        d: {kind: swift, type: Count, args: {n: 1}}
                                             ^
      f.yaml:6:3: error: programs needs "e"
        e:
        ^
      f.yaml:7:6: error: programs.f needs "kind"
        f: {type: Pass}
           ^
      f.yaml:9:49: error: programs.h.args.miss is "sent"; it must be one of aborted, drop, pass, tx
        h: {kind: swift, type: Redirect, args: {miss: sent}}
                                                      ^~~~
      f.yaml:10:40: error: programs.i.args: port is "ssh"; it must be 0...65535
        i: {kind: swift, type: Mirror, args: {port: ssh}}
                                             ^

      """),
    WrongFile(
      "programs: {idle: {kind: swift, type: Drop}}",
      """
      f.yaml:1:18: warning: program "idle" is never run
      programs: {idle: {kind: swift, type: Drop}}
                       ^

      """),
  ])
  func aWrongPartIsExplained(file: WrongFile) {
    #expect(diagnose(file.text + rest) == file.diagnosis)
  }

  @Test(arguments: [
    WrongFile(
      """
      ports:
        - {name: l an, kind: memory, flows: 3}
        - {kind: memory, name: \(String(repeating: "x", count: 33))}
        - {name: a, kind: tap, device: tap0, queues: 0}
        - {name: b, kind: afxpd}
        - {name: c}
        - 5
      """,
      """
      f.yaml:2:12: error: ports[0].name is "l an"; it must be 1 to 32 letters, digits, "-", "_" or "."
        - {name: l an, kind: memory, flows: 3}
                 ^~~~
      f.yaml:2:32: error: unknown key "flows" in ports[0] of kind memory
        - {name: l an, kind: memory, flows: 3}
                                     ^~~~~
      f.yaml:3:26: error: ports[1].name is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; it must be 1 to 32 \
      letters, digits, "-", "_" or "."
        - {kind: memory, name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}
                               ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      f.yaml:4:48: error: ports[2].queues is "0"; it must be a whole number, 1...256
        - {name: a, kind: tap, device: tap0, queues: 0}
                                                     ^
      f.yaml:5:21: error: ports[3].kind is "afxpd"; it must be one of afxdp, tap, packet, \
      memory, generator, pcap; did you mean "afxdp"?
        - {name: b, kind: afxpd}
                          ^~~~~
      f.yaml:6:5: error: ports[4] needs "kind"
        - {name: c}
          ^
      f.yaml:7:5: error: ports[5] must be a mapping, key: value
        - 5
          ^

      """),
    WrongFile(
      """
      ports:
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
        - {name: b, kind: afxdp, device: "a/b", queues: [0, 1, 0], mtu: 9715}
        - {name: c, kind: afxdp, device: sixteenletters16, quues: [0]}
      """,
      """
      f.yaml:2:5: error: ports[0] needs "device"
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
          ^
      f.yaml:2:36: error: ports[0].queues is empty
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
                                         ^
      f.yaml:2:46: error: ports[0].mode "generic" is not supported yet
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
                                                   ^~~~~~~
      f.yaml:2:60: error: ports[0].mtu is "67"; it must be a whole number, 68...9714
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
                                                                 ^~
      f.yaml:2:74: error: ports[0].fallback is "deny"; it must be one of pass, drop
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
                                                                               ^~~~
      f.yaml:2:85: error: ports[0].cpu is "-1"; it must be a whole number, 0...1023
        - {name: a, kind: afxdp, queues: [], mode: generic, mtu: 67, fallback: deny, cpu: -1}
                                                                                          ^~
      f.yaml:3:36: error: ports[1].device is "a/b"; no interface can have that name
        - {name: b, kind: afxdp, device: "a/b", queues: [0, 1, 0], mtu: 9715}
                                         ^~~~~
      f.yaml:3:58: error: ports[1].queues has 0 twice
        - {name: b, kind: afxdp, device: "a/b", queues: [0, 1, 0], mtu: 9715}
                                                               ^
      f.yaml:3:67: error: ports[1].mtu is "9715"; it must be a whole number, 68...9714
        - {name: b, kind: afxdp, device: "a/b", queues: [0, 1, 0], mtu: 9715}
                                                                        ^~~~
      f.yaml:4:36: error: ports[2].device is "sixteenletters16"; no interface can have that name
        - {name: c, kind: afxdp, device: sixteenletters16, quues: [0]}
                                         ^~~~~~~~~~~~~~~~
      f.yaml:4:54: error: unknown key "quues" in ports[2] of kind afxdp; did you mean "queues"?
        - {name: c, kind: afxdp, device: sixteenletters16, quues: [0]}
                                                           ^~~~~

      """),
    WrongFile(
      """
      ports:
        - {name: a, kind: generator, flows: 0, sizes: [13, 14, 9728, 9729], rate: 0, count: 0}
        - {name: b, kind: generator, sizes: 1500-64}
        - {name: c, kind: generator, sizes: 13-64}
        - {name: d, kind: generator, sizes: []}
        - {name: e, kind: generator, sizes: 9729, rate: 1.5}
      """,
      """
      f.yaml:2:39: error: ports[0].flows is "0"; it must be a whole number, 1...1048576
        - {name: a, kind: generator, flows: 0, sizes: [13, 14, 9728, 9729], rate: 0, count: 0}
                                            ^
      f.yaml:2:50: error: ports[0].sizes[0] is "13"; it must be a whole number, 14...9728
        - {name: a, kind: generator, flows: 0, sizes: [13, 14, 9728, 9729], rate: 0, count: 0}
                                                       ^~
      f.yaml:2:64: error: ports[0].sizes[3] is "9729"; it must be a whole number, 14...9728
        - {name: a, kind: generator, flows: 0, sizes: [13, 14, 9728, 9729], rate: 0, count: 0}
                                                                     ^~~~
      f.yaml:2:77: error: ports[0].rate is "0"; it must be a whole number, 1...1000000000
        - {name: a, kind: generator, flows: 0, sizes: [13, 14, 9728, 9729], rate: 0, count: 0}
                                                                                  ^
      f.yaml:2:87: error: ports[0].count is "0"; it must be a whole number, 1 or more
        - {name: a, kind: generator, flows: 0, sizes: [13, 14, 9728, 9729], rate: 0, count: 0}
                                                                                            ^
      f.yaml:3:39: error: ports[1].sizes must be a list of lengths, or a range such as 64-1500, \
      within 14...9728
        - {name: b, kind: generator, sizes: 1500-64}
                                            ^~~~~~~
      f.yaml:4:39: error: ports[2].sizes must be a list of lengths, or a range such as 64-1500, \
      within 14...9728
        - {name: c, kind: generator, sizes: 13-64}
                                            ^~~~~
      f.yaml:5:39: error: ports[3].sizes is empty
        - {name: d, kind: generator, sizes: []}
                                            ^
      f.yaml:6:39: error: ports[4].sizes is "9729"; it must be a whole number, 14...9728
        - {name: e, kind: generator, sizes: 9729, rate: 1.5}
                                            ^~~~
      f.yaml:6:51: error: ports[4].rate is "1.5"; it must be a whole number, 1...1000000000
        - {name: e, kind: generator, sizes: 9729, rate: 1.5}
                                                        ^~~

      """),
    WrongFile(
      """
      ports:
        - {name: a, kind: afxdp, device: eth0, queues: [0, 1], cpu: 8}
        - {name: a, kind: afxdp, device: eth0, queues: [2, 1], program: nat}
        - {name: b, kind: afxdp, device: eth0}
      memory: {model: page-pool, frames: 2048}
      """,
      """
      f.yaml:2:63: error: CPU 8 is not one that this process may use: 0-7
        - {name: a, kind: afxdp, device: eth0, queues: [0, 1], cpu: 8}
                                                                    ^
      f.yaml:3:12: error: ports[1].name "a" is taken by ports[0]
        - {name: a, kind: afxdp, device: eth0, queues: [2, 1], program: nat}
                 ^
      f.yaml:3:67: error: no program is named "nat"
        - {name: a, kind: afxdp, device: eth0, queues: [2, 1], program: nat}
                                                                        ^~~

      """),
    WrongFile(
      """
      ports: [{name: a, kind: memory}, {name: b, kind: memory}]
      memory: {frames: 1048576}
      """,
      """
      f.yaml:2:18: error: 2 ports with memory.frames 1048576 of 4096 octets need 8589934592 octets; \
      the arena has 4294967296
      memory: {frames: 1048576}
                       ^~~~~~~

      """),
  ])
  func wrongPortsAreExplained(file: WrongFile) {
    let rest =
      "\nversion: 1\nentries: [{name: w, cpu: 1, program: d}]\n"
      + "programs: {d: {kind: swift, type: Drop}}\n"
    #expect(diagnose(file.text + rest) == file.diagnosis)
  }

  @Test(arguments: [
    WrongFile(
      """
      entries:
        - name: w1
          progam: nat
          cpu: 1
        - {name: w2, cpu: 1024, qsize: 0, on_full: drop-tail}
        - {cpu: 3, qsize: 16385, chain: [a, b]}
        - {name: w4, program: d, chain: [d]}
      """,
      """
      f.yaml:3:5: error: unknown key "progam" in entries[0]; did you mean "program"?
          progam: nat
          ^~~~~~
      f.yaml:5:21: error: entries[1].cpu is "1024"; it must be a whole number, 0...1023
        - {name: w2, cpu: 1024, qsize: 0, on_full: drop-tail}
                          ^~~~
      f.yaml:5:34: error: entries[1].qsize is "0"; it must be a whole number, 1...16384
        - {name: w2, cpu: 1024, qsize: 0, on_full: drop-tail}
                                       ^
      f.yaml:5:37: error: "on_full" in entries[1] is not supported yet
        - {name: w2, cpu: 1024, qsize: 0, on_full: drop-tail}
                                          ^~~~~~~
      f.yaml:6:5: error: entries[2] needs "name"
        - {cpu: 3, qsize: 16385, chain: [a, b]}
          ^
      f.yaml:6:21: error: entries[2].qsize is "16385"; it must be a whole number, 1...16384
        - {cpu: 3, qsize: 16385, chain: [a, b]}
                          ^~~~~
      f.yaml:6:35: error: entries[2].chain of more than one program is not supported yet
        - {cpu: 3, qsize: 16385, chain: [a, b]}
                                        ^
      f.yaml:7:5: error: entries[3] needs "cpu"
        - {name: w4, program: d, chain: [d]}
          ^
      f.yaml:7:5: error: entries[3] has both "program" and "chain"; one of them says it
        - {name: w4, program: d, chain: [d]}
          ^

      """),
    WrongFile(
      """
      entries:
        - {name: w1, cpu: 0}
        - {name: w1, cpu: 2, program: dd}
        - {name: w3, cpu: 2, chain: [e]}
        - {name: w4, cpu: 8}
      """,
      """
      f.yaml:3:12: error: entries[1].name "w1" is taken by entries[0]
        - {name: w1, cpu: 2, program: dd}
                 ^~
      f.yaml:3:33: error: no program is named "dd"
        - {name: w1, cpu: 2, program: dd}
                                      ^~
      f.yaml:4:32: error: no program is named "e"
        - {name: w3, cpu: 2, chain: [e]}
                                     ^
      f.yaml:5:21: error: CPU 8 is not one that this process may use: 0-7
        - {name: w4, cpu: 8}
                          ^

      """),
    WrongFile(
      "on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}",
      """
      f.yaml:1:12: error: no port is named "q"
      on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}
                 ^
      f.yaml:1:26: error: no port is named "p"
      on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}
                               ^
      f.yaml:1:29: error: no port is named "r"
      on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}
                                  ^
      f.yaml:1:32: error: no port is named "s"
      on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}
                                     ^
      f.yaml:1:35: error: no port is named "p"
      on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}
                                        ^
      f.yaml:1:39: error: "xdp_aborted" in on is not supported yet
      on: {pass: q, redirect: {p: r, s: p}, xdp_aborted: drop}
                                            ^~~~~~~~~~~

      """),
    WrongFile(
      "on: {pass: lam, redirect: {lan: r, s: lan}}\nentries: [{name: w, cpu: 2}]",
      """
      f.yaml:1:12: error: no port is named "lam"; did you mean "lan"?
      on: {pass: lam, redirect: {lan: r, s: lan}}
                 ^~~
      f.yaml:1:33: error: no port is named "r"
      on: {pass: lam, redirect: {lan: r, s: lan}}
                                      ^
      f.yaml:1:36: error: no port is named "s"
      on: {pass: lam, redirect: {lan: r, s: lan}}
                                         ^

      """),
    WrongFile(
      "entries: []",
      """
      f.yaml:3:9: error: ports[0] steers its frames to entries, and there are none
      ports: [{name: lan, kind: memory}, {name: g, kind: generator, cpu: 1, program: d}]
              ^

      """),
    WrongFile(
      "entries: [{name: w, cpu: 1}]\non: {}",
      """
      f.yaml:1:26: warning: CPU 1 is used by port g too
      entries: [{name: w, cpu: 1}]
                               ^
      f.yaml:2:5: warning: on.pass names no port: frames that pass are dropped as pass_unconfigured
      on: {}
          ^

      """),
  ])
  func wrongEntriesAndOutcomesAreExplained(file: WrongFile) {
    let rest = """

      version: 1
      ports: [{name: lan, kind: memory}, {name: g, kind: generator, cpu: 1, program: d}]
      programs: {d: {kind: swift, type: Drop}}
      """
    #expect(diagnose(file.text + rest) == file.diagnosis)
  }

  /// Keys that the full design has and this version has not, and one that nobody has, in every mapping.
  @Test(arguments: [
    ("", "the file", []),
    ("daemon: {", "daemon", ["restart"]),
    ("memory: {", "memory", ["numa"]),
    ("steering: {", "steering", ["buckets", "rebalance", "elephants", "rules"]),
    ("steering: {hash: {", "steering.hash", ["esp", "fragments", "decap"]),
    ("programs: {a: {kind: swift, type: Pass, ", "programs.a", ["budget"]),
    ("programs: {a: {kind: swift, type: Pass, args: {", "programs.a.args", []),
    ("entries: [{name: w, cpu: 1, ", "entries[0]", ["on_full", "quota", "steer"]),
    ("on: {", "on", ["xdp_aborted"]),
  ])
  func keysThatAreNotSupportedYetAreToldFromUnknownOnes(
    before: String, place: String, later: [String]
  ) {
    let closing = String(
      before.filter { "[{".contains($0) }.reversed().map { $0 == "[" ? "]" : "}" as Character })
    for key in later + ["zzzzzz"] {
      let line = "\(before)\(key): x\(closing)"
      let statement =
        key == "zzzzzz"
        ? "unknown key \"zzzzzz\" in \(place)" : "\"\(key)\" in \(place) is not supported yet"
      let indent = String(repeating: " ", count: before.count)
      let underline = "^" + String(repeating: "~", count: key.count - 1)
      let text = diagnose("version: 1\nports: [{name: p, kind: memory}]\n\(line)\n")
      let expected = """
        f.yaml:3:\(before.count + 1): error: \(statement)
        \(line)
        \(indent)\(underline)

        """
      #expect(text == expected)
    }
  }

  @Test func noMoreThanTwentyAreShown() {
    let entries = (0..<23).map { "  - {name: w\($0), cpu: 1, bogus: 1}\n" }.joined()
    let text = diagnose("version: 1\nports: [{name: p, kind: memory}]\nentries:\n\(entries)")
    #expect(text.components("error: unknown key \"bogus\"") == 20)
    #expect(text.hasSuffix("f.yaml: 3 more\n"))
  }

  @Test func ofALongLineThePartAroundThePlaceIsShown() {
    let ports = (0..<40).map { "{name: p\($0), kind: memory}" }.joined(separator: ", ")
    let text = diagnose("{version: 1, ports: [\(ports), {nam: x, kind: memory}]}")
    let lines = text.split(separator: "\n")
    #expect(lines.count == 6)
    #expect(lines.dropFirst().allSatisfy { $0.count <= 120 })
    for (source, caret) in [(1, 2), (4, 5)] {
      let column = lines[caret].prefix { $0 == " " }.count
      let shown = lines[source].dropFirst(column)
      #expect(shown.hasPrefix("{nam: x") || shown.hasPrefix("nam: x"))
    }
  }

  @Test func terminalsAreNotSteered() {
    let text = diagnose("version: 1\n\"\\e[31m\": 1\nports: []\n")
    #expect(text.contains("unknown key \"\u{FFFD}[31m\""))
    #expect(!text.contains("\u{1b}"))
  }

  @Test func tabsKeepTheCaretInPlace() {
    let text = diagnose("version: 1\nports:\t[{name:\tx y, kind: memory}]\n")
    #expect(
      text == """
        f.yaml:2:16: error: ports[0].name is "x y"; it must be 1 to 32 letters, digits, "-", "_" or "."
        ports:\t[{name:\tx y, kind: memory}]
              \t       \t^~~

        """)
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}

@Suite struct SuggestionTests {
  @Test(arguments: [
    ("progam", "program", 1), ("prak", "park", 1), ("", "abc", 3), ("abc", "", 3),
    ("abc", "abc", 0),
    ("ABC", "abc", 0), ("kitten", "sitting", 3), ("ca", "abc", 3),
  ])
  func editsAreCounted(first: String, second: String, edits: Int) {
    #expect(Suggestion.edits(from: first, to: second) == edits)
    #expect(Suggestion.edits(from: second, to: first) == edits)
  }

  @Test func onlyNearWordsAreSuggested() {
    #expect(Suggestion.nearest(to: "cnt", among: ["count", "acl"]) == "count")
    #expect(Suggestion.nearest(to: "nat", among: ["count", "acl"]) == nil)
    #expect(Suggestion.nearest(to: "a", among: ["b"]) == nil)
    #expect(Suggestion.nearest(to: "x", among: []) == nil)
    #expect(Suggestion.nearest(to: String(repeating: "x", count: 1000), among: ["x"]) == nil)
  }
}
