// SPDX-License-Identifier: Apache-2.0

/// The programs that come with cpumapd, by the name that `programs.NAME.type` gives.
///
/// Steering is not among them: it is what a port runs that names no program of its own.
enum BuiltinProgram: String, Sendable, CaseIterable {
  /// Passes every frame.
  case Pass
  /// Drops every frame.
  case Drop
  /// Exchanges the Ethernet addresses and sends every frame back.
  case Reflect
  /// Counts frames and octets, and passes every frame.
  case Count

  /// The names that `programs.NAME.args` may hold.
  var arguments: [String] { self == .Count ? ["verdict"] : [] }

  /// Whether frames may leave this program with the verdict pass.
  var mayPass: Bool {
    switch self {
    case .Pass, .Count: true
    case .Drop, .Reflect: false
    }
  }
}

extension Configuration.Program {
  /// The program of cpumapd's own; nil for one that comes from elsewhere.
  var type: BuiltinProgram? {
    if case .swift(let type) = kind { type } else { nil }
  }

  /// The kind as the file says it.
  var kindName: String {
    switch kind {
    case .swift: "swift"
    case .sharedObject: "so"
    }
  }

  /// Where its code is, for people.
  var origin: String {
    switch kind {
    case .swift(let type): type.rawValue
    case .sharedObject(let file, _): file
    }
  }

  /// Whether frames may leave it with the verdict pass; nobody knows that of code from elsewhere.
  var mayPass: Bool { type?.mayPass ?? true }
}
