// SPDX-License-Identifier: Apache-2.0

import Syscalls

/// What a configuration is checked against: the CPUs that this process may use.
struct Machine: Sendable, Equatable {
  var cpus: CPUSet

  /// This machine as this process sees it.
  static var current: Machine {
    var cpus = CPUSet.allowed
    // Isolated CPUs are in nobody's mask until somebody asks for them, which is what they are for.
    for cpu in CPUSet.isolated.processors { cpus.insert(cpu) }
    return Machine(cpus: cpus)
  }
}
