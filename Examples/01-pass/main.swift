// SPDX-License-Identifier: Apache-2.0
//
// A packet comes in, a program looks at it, and it goes on to the stack.
//
//     passed 3 of 3 packets
//     they lie where they lay: true
//     pages still out: 0

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 64)
let wire = try MemoryPort(name: "wire", registry: registry)
let stack = try MemoryPort(name: "stack", registry: registry)

let datapath = Datapath(registry: registry)
datapath.add(wire)
datapath.setPassPort(stack)
let books = try datapath.addLoop(port: wire, queue: 0, program: Pass(), named: "pass")

var places: Set<UInt32> = []
for octet in UInt8(1)...3 {
  guard let frame = Frame(octets: [UInt8](repeating: octet, count: 60), from: pool) else { break }
  places.insert(frame.descriptor.index)
  if let full = wire.put(frame) { full.recycle(.ringFull) }
}

try datapath.start()
while books.tally[.received] < 3 {}
datapath.stop()

var isSamePlace = true
while let frame = stack.takeSent() {
  isSamePlace = isSamePlace && places.contains(frame.descriptor.index)
  frame.recycle(.shutdown)
}
print("passed \(books.tally[.pass]) of \(books.tally[.received]) packets")
print("they lie where they lay: \(isSamePlace)")
print("pages still out: \(pool.outstanding)")
