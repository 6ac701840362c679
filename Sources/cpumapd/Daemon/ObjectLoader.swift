// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import EBPF
import Plugins
import Synchronization
import Syscalls

/// The eBPF objects of one daemon, and the maps that their programs share.
///
/// A definition is loaded once, whatever entries and queues run it, so these share its maps. Maps keep their contents
/// when a definition is loaded anew, and are shared by all definitions that name the same `maps`.
final class ObjectLoader: Sendable {
  private let store: MapStore
  private let loaded = Mutex<[String: Loaded]>([:])

  private struct Loaded {
    let definition: Configuration.Program
    let object: LoadedObject
  }

  /// Programs that run at once; those that are being replaced run beside their successors.
  private static let processorCount = 64
  /// The octets that an object may have.
  private static let maximumByteCount = 64 << 20

  /// Makes a loader whose maps lie in the arena of the packets; `log` gets what programs print.
  init(arena: Arena, log: @escaping @Sendable (String) -> Void) {
    store = MapStore(arena: arena, processorCount: ObjectLoader.processorCount, log: log)
  }

  /// Makes an instance of a program for one entry, or one queue of a port.
  ///
  /// - Parameters:
  ///   - definition: The program.
  ///   - object: Where it is.
  ///   - processor: The CPU that it runs on, which it finds as its processor's number if that is free.
  /// - Returns: The instance.
  /// - Throws: ``PluginError`` that says what is wrong with the object, or missing here.
  func make(
    _ definition: Configuration.Program, _ object: Configuration.Program.Object, processor: Int?
  ) throws(PluginError) -> AnyProgram {
    do {
      return try BPFProgram(
        try load(definition, object), program: object.section, processor: processor,
        routes: RedirectRoutes(cpuMap: Datapath.cpuMapNumber, portMap: Datapath.devMapNumber),
        fuel: object.budget.map(Int64.init) ?? EBPF.Machine.defaultFuel)
    } catch {
      throw PluginError(object.file, .object("\(error)"))
    }
  }

  /// A map by the name that the objects give it.
  ///
  /// The scope is what the definition names in `maps`, or else its own name.
  func map(named name: String, scope: String) -> BPFMap? { store.map(named: name, scope: scope) }

  private func load(
    _ definition: Configuration.Program, _ object: Configuration.Program.Object
  ) throws -> LoadedObject {
    try loaded.withLock { loaded in
      if let found = loaded[definition.name], found.definition == definition { return found.object }
      let settings = try object.settings.map { text throws(ObjectError) in try ObjectSetting(text) }
      var file = try Object(try octets(of: object.file))
      try file.apply(settings)
      let made = LoadedObject(
        file, store: store, scope: object.maps ?? definition.name, helpers: BPFProgram.helpers)
      try made.openTargets()
      try made.apply(settings)
      loaded[definition.name] = Loaded(definition: definition, object: made)
      return made
    }
  }

  private func octets(of path: String) throws -> [UInt8] {
    let file = try FileDescriptor(opening: path)
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while octets.count <= ObjectLoader.maximumByteCount {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe try chunk.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
      guard let count, count > 0 else { break }
      octets += chunk[..<count]
    }
    return octets
  }
}

extension LoadedObject {
  /// Gives every key of the maps that programs redirect to an entry: whether there is one, the datapath says.
  fileprivate func openTargets() throws {
    let kinds: [MapKind] = [.cpuMap, .deviceMap]
    for spec in object.maps where MapKind(rawValue: spec.type).map(kinds.contains) ?? false {
      let map = try map(named: spec.name)
      let value = [1] + [UInt8](repeating: 0, count: Int(spec.valueByteCount) - 1)
      for key in map.keys { try map.setValue(value, of: key) }
    }
  }
}
