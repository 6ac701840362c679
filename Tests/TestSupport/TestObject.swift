// SPDX-License-Identifier: Apache-2.0

import Glibc
import Syscalls
public import Testing

/// A kernel program of the tests, compiled from `Tests/BPF` when it is first asked for.
public struct TestObject {
  /// The path of the object file.
  public let path: String

  /// Why there is no object.
  public struct NotCompiled: Error {
    /// The program's name.
    public let name: String
  }

  /// Whether everything in `Tests/BPF` is compiled.
  private static let areCompiled: Bool = unsafe system("'\(root)/scripts/test-objects'") == 0
  private static let root =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/")

  /// The object of `Tests/BPF/<name>.bpf.c`.
  public init(_ name: String) throws(NotCompiled) {
    guard TestObject.areCompiled else { throw NotCompiled(name: name) }
    path = "\(TestObject.root)/.build/test-objects/\(name).o"
  }
}

/// Whether this machine lets the tests load programs into its kernel, and why not.
public enum KernelProgramSupport {
  /// nil if it does.
  public static var obstacle: String? {
    let needed: Capabilities = [.bpf, .networkAdministration, .performanceMonitoring]
    let missing = needed.subtracting(.effective)
    guard !missing.isEmpty else { return nil }
    return "loading programs needs \(missing.cNames.joined(separator: ", "))"
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test, visibly, where programs cannot be loaded into the kernel; with `CI=true` it runs, and fails.
  public static var requiresKernelPrograms: Self {
    .enabled(
      if: KernelProgramSupport.obstacle == nil || skippingIsFailure,
      Comment(rawValue: KernelProgramSupport.obstacle ?? "programs can be loaded"))
  }
}
