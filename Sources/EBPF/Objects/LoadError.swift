// SPDX-License-Identifier: Apache-2.0

public import Syscalls

/// Why a program of an object cannot be run here.
public enum LoadError: Error, Sendable, CustomStringConvertible {
  /// The object itself.
  case object(ObjectError)
  /// One of its maps.
  case map(BPFMapError)
  /// The program.
  case program(ProgramError)
  /// A value for a map that it does not take: the map's name, and the kernel's answer.
  case value(map: String, Errno)
  /// So many programs run already.
  case processors(Int)
  /// The system refused memory.
  case memory(String)

  /// What is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .object(let error): "\(error)"
    case .map(let error): "\(error)"
    case .program(let error): "\(error)"
    case .value(let map, let errno): "map \(map) refused a value: \(errno)"
    case .processors(let count):
      "\(count) eBPF programs run already, as many as their maps have room for; remove one"
    case .memory(let what): "no memory for the program: \(what)"
    }
  }
}
