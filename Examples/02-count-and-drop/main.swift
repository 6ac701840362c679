// SPDX-License-Identifier: Apache-2.0
//
// A generator makes traffic, a program counts and drops it, and the ledger shows that nothing is missing.
//
//     counted 1000 packets, 289000 octets
//     received 1000 = dropped 1000
//     every page is home: true

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 256)
let plan = GeneratorPort.Plan(flowCount: 16, byteCounts: [64, 514], limit: 1_000)
let generator = try GeneratorPort(name: "gen", registry: registry, model: pool, plan: plan)

let datapath = Datapath(registry: registry)
datapath.add(generator)
let count = Count(verdict: .drop)
let books = try datapath.addLoop(
  port: generator, queue: 0, program: count, named: "count", adopt: { pool.adopt() })

try datapath.start()
while !generator.isFinished {}
datapath.stop()

print("counted \(count.packetCount) packets, \(count.byteCount) octets")
print("received \(books.tally[.received]) = dropped \(books.tally.dropped)")
print("every page is home: \(pool.census()[.free] == 256)")
