// SPDX-License-Identifier: Apache-2.0

public import Arena
public import XDPFrame

/// Why a memory model could not be made.
public enum MemoryModelError: Error, Equatable, CustomStringConvertible {
  /// A parameter makes no sense; which, and what would.
  case invalid(parameter: String, value: Int, allowed: String)
  /// The arena has no room, or the kernel refused it.
  case memory(ArenaError)
  /// The registry is full.
  case registry(RegistryError)

  /// What failed and what to do.
  public var description: String {
    switch self {
    case .invalid(let parameter, let value, let allowed):
      "\(parameter) is \(value); it must be \(allowed)"
    case .memory(let error): "\(error)"
    case .registry(let error): "\(error)"
    }
  }

  /// The kernel's number, positive.
  ///
  /// Source: what `page_pool_init()`, `net/core/page_pool.c`, answers.
  public var errno: Int32 {
    switch self {
    case .invalid: 22
    case .memory(.refused(_, let code)): code
    case .memory(.exhausted): 12
    case .memory(.invalidByteCount): 22
    case .registry(let error): error.errno
    }
  }
}
