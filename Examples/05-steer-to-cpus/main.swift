// SPDX-License-Identifier: Apache-2.0
//
// Software receive-side scaling: flows are spread over two workers that run different programs.
//
//     received 4000, redirected 4000
//     counter: took 2081, dropped 2081
//     passer: took 1919, passed 1919
//     every page is home: true

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 8_192)
let plan = GeneratorPort.Plan(flowCount: 256, limit: 4_000)
let generator = try GeneratorPort(name: "gen", registry: registry, model: pool, plan: plan)
let stack = try MemoryPort(name: "stack", registry: registry, capacity: 4_096)

let datapath = Datapath(registry: registry)
datapath.add(generator)
datapath.setPassPort(stack)
try datapath.cpuMap.update(
  0, CPUMap.Value(name: "counter", cpu: 0, queueCapacity: 4_096, program: Count(verdict: .drop)))
try datapath.cpuMap.update(
  1, CPUMap.Value(name: "passer", cpu: 0, queueCapacity: 4_096, program: Pass()))
let books = try datapath.addLoop(
  port: generator, queue: 0, program: Steer(keys: [0, 1], map: Datapath.cpuMapNumber),
  named: "steer", adopt: { pool.adopt() })

try datapath.start()
while !generator.isFinished {}
datapath.stop()

print("received \(books.tally[.received]), redirected \(books.tally[.redirect])")
for entry in datapath.entryReports {
  let dropped = entry.drops[.programDrop] ?? 0
  let end = entry.pass > 0 ? "passed \(entry.pass)" : "dropped \(dropped)"
  print("\(entry.name): took \(entry.processed), \(end)")
}
stack.close()
print("every page is home: \(pool.census()[.free] == 8_192)")
