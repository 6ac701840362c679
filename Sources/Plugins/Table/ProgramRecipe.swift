// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// A Swift program that can be had by name, and what it must be told.
public struct ProgramRecipe: Sendable {
  /// Something that a program can be told.
  public struct Parameter: Sendable {
    /// Its name.
    public let name: String
    /// The words that it may be; none where it is free text.
    public let words: [String]

    /// A parameter that may be one of some words, or, where there are none, any text.
    public init(_ name: String, words: [String] = []) {
      self.name = name
      self.words = words
    }
  }

  /// The name, as in `programs.NAME.type` of a configuration.
  public let name: String
  /// What the program does, in a few words.
  public let summary: String
  /// What it can be told.
  public let parameters: [Parameter]
  private let mayPassWith: @Sendable (ProgramArguments) -> Bool
  private let makeWith: @Sendable (ProgramArguments) throws(PluginError) -> any Program & Sendable

  /// Describes a program.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - summary: What the program does, in a few words.
  ///   - parameters: What it can be told.
  ///   - mayPass: Whether packets may leave it with the verdict PASS.
  ///   - make: Makes an instance; called once for each queue and entry, with arguments that are known to be parameters
  ///     and one of their words.
  public init(
    _ name: String, _ summary: String, parameters: [Parameter] = [],
    mayPass: @escaping @Sendable (ProgramArguments) -> Bool,
    make: @escaping @Sendable (ProgramArguments) throws(PluginError) -> any Program & Sendable
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    mayPassWith = mayPass
    makeWith = make
  }

  /// Whether packets may leave such a program with the verdict PASS.
  public func mayPass(_ arguments: ProgramArguments) -> Bool { mayPassWith(arguments) }

  /// Makes an instance.
  ///
  /// - Throws: ``PluginError`` for an argument that is no parameter, or is not what it must be.
  public func make(_ arguments: ProgramArguments) throws(PluginError) -> any Program & Sendable {
    for (key, value) in arguments.values.sorted(by: { $0.key < $1.key }) {
      guard let parameter = parameters.first(where: { $0.name == key }) else {
        throw PluginError(name, .unknownArgument(key, known: parameters.map(\.name)))
      }
      guard parameter.words.isEmpty || parameter.words.contains(value) else {
        let allowed = "one of \(parameter.words.joined(separator: ", "))"
        throw PluginError(name, .invalidArgument(key, value, allowed: allowed))
      }
    }
    return try makeWith(arguments)
  }
}

/// What a program is told when it is made.
public struct ProgramArguments: Sendable {
  /// What the operator says, by name.
  public var values: [String: String]
  /// The number of the map of CPUs in the datapath.
  public var cpuMap: UInt16
  /// The number of the map of ports, whose keys are the numbers of the ports that packets come by.
  public var deviceMap: UInt16

  /// Arguments for a program of a datapath with these maps.
  public init(_ values: [String: String] = [:], cpuMap: UInt16 = 1, deviceMap: UInt16 = 2) {
    self.values = values
    self.cpuMap = cpuMap
    self.deviceMap = deviceMap
  }

  /// The verdict that an argument names; another where nothing is said.
  public func verdict(_ name: String, otherwise: Verdict) -> Verdict {
    values[name].flatMap { ProgramArguments.verdicts[$0] } ?? otherwise
  }

  /// The words for verdicts that need no target.
  public static let verdictWords = ["aborted", "drop", "pass", "tx"]
  private static let verdicts: [String: Verdict] = [
    "aborted": .aborted, "drop": .drop, "pass": .pass, "tx": .transmit,
  ]
}
