// SPDX-License-Identifier: Apache-2.0

import Arena
import ArgumentParser
import Control
import EBPF
import Plugins

/// `xdpframe-bpf list`: what an object holds, and what of it can run here.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List an object's programs and maps, and say which programs can run here.")

  @Argument(help: "The object, as clang -target bpf writes it.")
  var object: String

  @Option(name: .customLong("set"), help: "Something to be set first; may be given more than once.")
  var settings: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    var object = try ObjectFile.read(object)
    try object.apply(try settings.map { text throws(ObjectError) in try ObjectSetting(text) })
    let store = MapStore(arena: try Arena())
    let programs = object.programs.map { Finding($0, of: object, store) }
    if json {
      let members: JSON.Object = [
        "license": .string(object.license), "programs": .array(programs.map(\.json)),
        "maps": .array(object.maps.map(\.json)),
      ]
      print(JSON.object(members))
    } else {
      for program in programs { print(program.text) }
      for map in object.maps { print(map.text) }
    }
  }

  /// What was found out about a program.
  private struct Finding {
    let entry: Object.Entry
    var helpers: [Int] = []
    var maps: [String] = []
    /// Why it cannot run; nil if it can.
    var obstacle: String?

    init(_ entry: Object.Entry, of object: Object, _ store: MapStore) {
      self.entry = entry
      do {
        (helpers, maps) = try object.needs(of: entry.name)
        let loaded = LoadedObject(
          object, store: store, helpers: BPFProgram.helpers, engine: .interpreter)
        _ = try loaded.program(named: entry.name)
      } catch {
        obstacle = "\(error)"
      }
    }

    var text: String {
      let uses = helpers.map(HelperName.of) + maps.map { "map \($0)" }
      let list = uses.isEmpty ? "" : ": \(uses.joined(separator: ", "))"
      return "program \(entry.name) (\(entry.section)) "
        + (obstacle.map { "cannot run here: \($0)" } ?? "runs here") + list
    }

    var json: JSON {
      var members: JSON.Object = [
        "name": .string(entry.name), "section": .string(entry.section),
        "fragments": .boolean(entry.takesFragments), "runs": .boolean(obstacle == nil),
        "helpers": .array(helpers.map { .string(HelperName.of($0)) }),
        "maps": .array(maps.map { .string($0) }),
      ]
      if let obstacle { members["reason"] = .string(obstacle) }
      return .object(members)
    }
  }
}

extension MapSpec {
  private var kindName: String { MapKind(rawValue: type)?.name ?? "type \(type)" }

  fileprivate var text: String {
    "map \(name) (\(kindName)): \(maximumEntries) entries, keys of \(keyByteCount) and values of \(valueByteCount) octets"
  }

  fileprivate var json: JSON {
    [
      "name": .string(name), "kind": .string(kindName), "key_octets": .integer(Int(keyByteCount)),
      "value_octets": .integer(Int(valueByteCount)), "max_entries": .integer(Int(maximumEntries)),
    ]
  }
}
