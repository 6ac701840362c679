// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Syscalls

extension Configuration {
  /// Reads and checks the configuration file at a path.
  ///
  /// - Throws: ``LoadError``: the file cannot be read, or what is wrong in it.
  static func load(
    _ path: String, machine: Machine?
  ) throws(LoadError) -> (configuration: Configuration, warnings: DiagnosticList) {
    let octets: [UInt8]
    do {
      octets = try contents(of: path)
    } catch {
      throw .unreadable(path, error.errno)
    }
    guard let text = String(validating: octets, as: UTF8.self) else {
      throw .invalid(
        DiagnosticList(
          fileName: path, source: "",
          [Diagnostic(severity: .error, message: "the file is not UTF-8")]))
    }
    do {
      return try parse(text, fileName: path, machine: machine)
    } catch {
      throw .invalid(error)
    }
  }

  /// Why there is no configuration.
  enum LoadError: Error {
    /// The kernel does not let us read the file.
    case unreadable(String, Errno)
    /// The file was read and is wrong.
    case invalid(DiagnosticList)

    /// What the process exits with.
    var status: ExitStatus {
      switch self {
      case .unreadable: .noInput
      case .invalid: .configuration
      }
    }

    /// What the operator reads, with a newline at the end.
    var text: String {
      switch self {
      case .unreadable(let path, let errno): "cpumapd: \(path.printable): \(errno)\n"
      case .invalid(let list): list.text
      }
    }
  }

  /// The octets of a file, and one more than the limit where it is longer.
  private static func contents(of path: String) throws(SystemCallError) -> [UInt8] {
    let file = try FileDescriptor(opening: path)
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while octets.count <= fileLimit {
      // Safe: the buffer lives for the duration of the call.
      let result = unsafe chunk.withUnsafeMutableBytes { buffer in
        Result { () throws(SystemCallError) in try unsafe file.read(into: buffer) }
      }
      guard let count = try result.get(), count > 0 else { break }
      octets += chunk[..<count]
    }
    return octets
  }
}
