// SPDX-License-Identifier: Apache-2.0

import Glibc
import Syscalls

/// Where the demo takes place: the most real of what this user may have.
enum DemoStage {
  /// AF_XDP on a cable between two network namespaces.
  case afxdp
  /// A packet socket on such a cable, in a user namespace: nobody needs to be root for it.
  case packet
  /// Between two threads, and why there is nothing better.
  case memory(because: String)

  /// Set for the process that runs in a user namespace of its own.
  private static let marker = "CPUMAPD_DEMO_USER_NAMESPACE"

  /// The stage that can be had.
  ///
  /// Without the capabilities for the real thing, the process runs itself once more in a user namespace, where it has
  /// those for packet sockets; the program for AF_XDP is not to be had there.
  static func choose() -> DemoStage {
    // Safe: nobody changes the environment while the demo chooses.
    let isInside = unsafe getenv(marker) != nil
    if let obstacle = DemoNetwork.obstacle {
      if !isInside { enterUserNamespace() }
      return .memory(because: obstacle)
    }
    return isInside ? .packet : .afxdp
  }

  /// Becomes a process in namespaces of its own; returns if the kernel or its administrator forbids them.
  private static func enterUserNamespace() {
    let command = ["unshare", "--user", "--map-root-user", "--net"]
    // Safe: system(3) gets a constant; the link's target has room; execvp(3) gets a list that ends with nil.
    guard unsafe system(command.joined(separator: " ") + " true >/dev/null 2>&1") == 0,
      let program = unsafe realpath("/proc/self/exe", nil)
    else { return }
    let words = command + [unsafe String(cString: program)] + CommandLine.arguments.dropFirst()
    unsafe free(program)
    unsafe setenv(marker, "1", 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    unsafe execvp("unshare", &arguments)
  }

  /// What the demo says first.
  var sentence: String {
    switch self {
    case .afxdp:
      "On a real interface: AF_XDP on \(DemoConfiguration.device), a veth in a network namespace."
    case .packet:
      "On a real interface: a packet socket on \(DemoConfiguration.device), a veth in a user namespace, because only"
        + " root may have AF_XDP."
    case .memory(let obstacle):
      "In memory, between two threads: \(obstacle)."
    }
  }
}
