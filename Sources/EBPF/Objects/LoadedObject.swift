// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Syscalls

/// An object whose programs can run: maps are made when the first program that names them is prepared.
///
/// Any thread; a program is prepared once, and what it runs with is shared by all who run it. The object holds the
/// store; whoever runs its programs holds the object.
public final class LoadedObject: Sendable {
  /// What it was loaded from, with the values that were set.
  public let object: Object
  /// The maps that its programs share with others of the same scope.
  public let store: MapStore
  private let scope: String?
  private let helpers: HelperTable
  private let engine: Engine
  private let state = Mutex(State())

  private struct State {
    var maps: [Int: BPFMap] = [:]
    var programs: [String: Executable] = [:]
    /// Programs whose maps are being filled, so that two that lead to each other come to an end.
    var pending: Set<Int> = []
  }

  /// Takes an object; nothing of it is prepared yet.
  ///
  /// - Parameters:
  ///   - object: Read, with its values set.
  ///   - store: Where its maps are to be.
  ///   - scope: Maps of the same name and scope are the same; nil keeps them apart from all others.
  ///   - helpers: What its programs may call.
  ///   - engine: What is to run them.
  public init(
    _ object: Object, store: MapStore, scope: String? = nil,
    helpers: HelperTable = .general, engine: Engine = .jit
  ) {
    self.object = object
    self.store = store
    self.scope = scope
    self.helpers = helpers
    self.engine = engine
  }

  /// Prepares a program, or finds it prepared.
  ///
  /// - Parameter name: The function or section; nil takes the only program.
  /// - Returns: The program.
  /// - Throws: ``LoadError`` that names what is missing: the program, a map, a helper.
  public func program(named name: String? = nil) throws(LoadError) -> Executable {
    let entry: Object.Entry
    do {
      entry = try object.program(named: name)
    } catch {
      throw .object(error)
    }
    return try withState { state throws(LoadError) in try prepare(entry.name, &state) }
  }

  /// A map, made if no program needed it yet.
  ///
  /// - Parameter name: The map's name; `.data` and the like for variables.
  /// - Returns: The map.
  /// - Throws: ``LoadError`` where there is none, or it cannot be made.
  public func map(named name: String) throws(LoadError) -> BPFMap {
    guard let index = object.maps.firstIndex(where: { $0.name == name }) else {
      throw .object(ObjectError(name, .noMap(known: object.maps.map(\.name))))
    }
    return try withState { state throws(LoadError) in
      let map = try makeMap(index, &state)
      try fill(&state)
      return map
    }
  }

  /// A mutex's closure does not carry a typed error out.
  private func withState<Result>(
    _ body: (inout State) throws(LoadError) -> Result
  ) throws(LoadError) -> Result {
    let result = state.withLock { state -> Swift.Result<Result, LoadError> in
      do throws(LoadError) {
        return .success(try body(&state))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func prepare(_ name: String, _ state: inout State) throws(LoadError) -> Executable {
    if let executable = state.programs[name] { return executable }
    let spec: ProgramSpec
    do {
      spec = try object.link(name)
    } catch {
      throw .object(error)
    }
    var bindings = [MapBinding](repeating: MapBinding(handle: 0), count: object.maps.count)
    for reference in spec.references {
      switch reference.target {
      case .map(let index), .mapValue(let index, _):
        bindings[index] = try makeMap(index, &state).binding
      }
    }
    do {
      let executable = try Executable(spec, maps: bindings, helpers: helpers, engine: engine)
      state.programs[name] = executable
      try fill(&state)
      return executable
    } catch let error as ProgramError {
      throw .program(error)
    } catch let error as LoadError {
      throw error
    } catch {
      throw .memory("\(error)")
    }
  }

  private func makeMap(_ index: Int, _ state: inout State) throws(LoadError) -> BPFMap {
    if let map = state.maps[index] { return map }
    var spec = object.maps[index]
    let kind = MapKind(rawValue: spec.type)
    // As libbpf does: one event for each processor.
    if kind == .perfEventArray, spec.maximumEntries == 0 {
      spec.maximumEntries = UInt32(store.processorCount)
    }
    do {
      let isVariables = !spec.contents.isEmpty
      let map = isVariables ? try store.variables(spec) : try store.map(spec, scope: scope)
      state.maps[index] = map
      if !spec.initialEntries.isEmpty { state.pending.insert(index) }
      return map
    } catch {
      throw .map(error)
    }
  }

  /// Puts programs and maps where the object says that they are from the beginning.
  private func fill(_ state: inout State) throws(LoadError) {
    while let index = state.pending.popFirst(), let map = state.maps[index] {
      for entry in object.maps[index].initialEntries {
        do {
          if map.kind == .programArray {
            try map.setProgram(try prepare(entry.symbol, &state), at: entry.index)
          } else if let inner = object.maps.firstIndex(where: { $0.name == entry.symbol }) {
            let key = (0..<4).map { UInt8(truncatingIfNeeded: entry.index >> (8 * $0)) }
            try map.setMap(try makeMap(inner, &state), of: key)
          }
        } catch let error as Errno {
          throw .value(map: map.spec.name, error)
        } catch let error as LoadError {
          throw error
        } catch {
          throw .memory("\(error)")
        }
      }
    }
  }
}
