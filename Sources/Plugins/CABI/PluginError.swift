// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why a plugin was not loaded: what, where, and what to do.
public struct PluginError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was wrong.
  public enum Reason: Equatable, Sendable {
    /// There is no such file, or it may not be looked at; the error number.
    case notFound(errno: Int32)
    /// It is a directory, a pipe or a device.
    case notAFile
    /// Somebody else could change the code that is about to run with our rights.
    case writableByOthers
    /// The dynamic linker refused it, in its own words.
    case notLoadable(String)
    /// It does not export a function of that name.
    case noFunction(String)
    /// Its entry function answered NULL.
    case declined(hostVersion: UInt32)
    /// It was built for another version of the interface.
    case wrongVersion(UInt32, hostVersion: UInt32)
    /// One of its tables has a length that no version of this interface gave it.
    case wrongSize(table: String, UInt32, allowed: ClosedRange<UInt32>)
    /// A field that must not be NULL is.
    case missing(String)
    /// A field has a value that it cannot have.
    case invalid(field: String, UInt64, allowed: String)
    /// It has no program, or no memory model, and was asked for one.
    case lacks(String)
    /// Its `init` refused; the number that it answered.
    case initRefused(Int32)
    /// There is no room for its memory, or the kernel refused to map it.
    case memory(String)
    /// An eBPF object, or a program of it, cannot be had; why, in words.
    case object(String)
    /// No Swift program of the table has that name.
    case unknownProgram(known: [String])
    /// A Swift program cannot be told that.
    case unknownArgument(String, known: [String])
    /// A Swift program was told something that it does not understand.
    case invalidArgument(String, String, allowed: String)
  }

  /// The plugin's file, or the name of a Swift program.
  public let path: String
  /// What was wrong.
  public let reason: Reason

  /// Says why a plugin cannot be had.
  public init(_ path: String, _ reason: Reason) {
    self.path = path
    self.reason = reason
  }

  /// For example `plugin /opt/a.so: xdpf_program.run_burst is NULL; every program needs one`.
  public var description: String { "plugin \(path): \(reason)" }
}

extension PluginError.Reason: CustomStringConvertible {
  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .notFound(let code): "\(PluginError.text(code)); check the path and its directories"
    case .notAFile: "not a regular file; name the shared object itself"
    case .writableByOthers:
      "others may change it, and it would run with our rights; chmod o-w, and let root or us own it"
    case .notLoadable(let words): "\(words); build it as a shared object for this machine"
    case .noFunction(let name):
      "it exports no \(name)(); define the function that xdpf_plugin.h declares"
    case .declined(let version): "it declined to work with version \(version) of the interface"
    case .wrongVersion(let version, let ours):
      "it is built for version \(version) of the interface, this is \(ours); rebuild it"
    case .wrongSize(let table, let size, let allowed):
      "struct \(table) has \(size) octets, known are \(allowed.lowerBound)...\(allowed.upperBound); "
        + "set struct_size to sizeof, and build with this version's xdpf_plugin.h"
    case .missing(let field): "\(field) is NULL; set it"
    case .invalid(let field, let value, let allowed):
      "\(field) is \(value); it must be \(allowed)"
    case .lacks(let what): "it has no \(what)"
    case .initRefused(let code):
      "its init refused with \(code)" + (code < 0 ? " (\(PluginError.text(-code)))" : "")
    case .memory(let words), .object(let words): words
    case .unknownProgram(let known):
      "there is no program of that name; known are \(known.joined(separator: ", "))"
    case .unknownArgument(let name, []): "it takes no arguments, and \(name) is one"
    case .unknownArgument(let name, let known):
      "it takes no argument \(name); known are \(known.joined(separator: ", "))"
    case .invalidArgument(let name, let value, let allowed):
      "\(name) is \"\(value)\"; it must be \(allowed)"
    }
  }
}

extension PluginError {
  /// The kernel's words for an error number.
  fileprivate static func text(_ code: Int32) -> String {
    // Safe: the C library keeps the text at least until this thread asks for the next one.
    unsafe String(cString: strerror(code))
  }
}
