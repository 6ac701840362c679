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
