// SPDX-License-Identifier: Apache-2.0
//
// A program out of a shared object, in C and in Swift: the same dozen lines, the same verdicts. First
// `scripts/build-plugin` with Examples/Plugins/no_echo.c, then with Examples/Plugins/no_echo_swift.swift.
//
//     no_echo: dropped 25 echo packets, passed 75 others
//     no_echo_swift: dropped 25 echo packets, passed 75 others
//     no_such: check the path: true

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import XDPFrame

/// Runs a hundred packets through the program of a plugin.
func run(_ name: String) throws {
  let plugin = try Plugin(path: ".build/plugins/\(name).so")
  let registry = MemoryRegistry(arena: try Arena())
  let pool = try PagePool(registry: registry, pageCount: 256)
  let wire = try MemoryPort(name: "wire", registry: registry)
  let stack = try MemoryPort(name: "stack", registry: registry)
  let datapath = Datapath(registry: registry)
  datapath.add(wire)
  datapath.setPassPort(stack)
  let books = try datapath.addLoop(
    port: wire, queue: 0, program: try PluginProgram(plugin), named: plugin.name)
  for number in 0..<100 {
    var packet = [UInt8](repeating: 0, count: 60)
    packet[37] = number % 4 == 0 ? 7 : 9
    guard let frame = Frame(octets: packet, from: pool) else { break }
    if let full = wire.put(frame) { full.recycle(.ringFull) }
  }
  try datapath.start()
  while books.tally[.pass] + books.tally.dropped < 100 {}
  datapath.stop()
  let dropped = books.tally[DropReason.programDrop]
  print("\(name): dropped \(dropped) echo packets, passed \(stack.sentCount) others")
  stack.close()
}

try run("no_echo")
try run("no_echo_swift")
do {
  try run("no_such")
} catch let error as PluginError {
  print("no_such: check the path: \("\(error)".contains("check the path"))")
}
