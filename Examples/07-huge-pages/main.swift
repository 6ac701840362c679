// SPDX-License-Identifier: Apache-2.0
//
// A memory model out of a plugin: packets in its huge pages cross to another CPU and come home to it, in bulk. First
// `scripts/build-plugin Examples/Plugins/huge_pages.c`.
//
//     huge-pages: kind 4, 1024 buffers
//     64 packets of 9000 octets are out, in 192 buffers
//     w1: took 64, dropped 64
//     buffers out: 0; more buffers than calls brought home: true

import Arena
import Datapath
import Plugins
import Ports
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let plugin = try Plugin(path: ".build/plugins/huge_pages.so")
let pool = try PluginMemoryModel(plugin, registry: registry, bufferCount: 1_000)
let wire = try MemoryPort(name: "wire", registry: registry)
print("\(plugin.name): kind \(pool.memory.kind.rawValue), \(pool.census().capacity) buffers")

var packetCount = 0
while packetCount < 64 {
  let octets = [UInt8](repeating: 7, count: 9_000)
  guard let frame = Frame(octets: octets, from: pool) else { break }
  if let full = wire.put(frame) { full.recycle(.ringFull) }
  packetCount += 1
}
print("\(packetCount) packets of 9000 octets are out, in \(pool.outstanding) buffers")

let datapath = Datapath(registry: registry)
datapath.add(wire)
try datapath.cpuMap.update(0, CPUMap.Value(name: "w1", cpu: 0, program: Drop()))
let books = try datapath.addLoop(
  port: wire, queue: 0, program: Steer(keys: [0], map: Datapath.cpuMapNumber), named: "steer")
try datapath.start()
while books.tally[.redirect] < 64 {}
datapath.stop()
for entry in datapath.entryReports {
  print("\(entry.name): took \(entry.processed), dropped \(entry.drops[.programDrop] ?? 0)")
}
let isBulk = pool.recycleCallCount < 192
print("buffers out: \(pool.outstanding); more buffers than calls brought home: \(isBulk)")
pool.destroy()
