// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// The Swift programs of an executable, by name.
///
/// ``builtIn`` has those of this library; an executable adds its own, and what reads names, such as a configuration,
/// needs to know none of them.
///
///     let table = ProgramTable.builtIn.adding(
///       ProgramRecipe("Sample", "passes every tenth packet", mayPass: { _ in true }) { _ in Sample() })
///     let program = try table.make("Sample")
public struct ProgramTable: Sendable {
  private var recipes: [ProgramRecipe] = []

  /// A table without programs.
  public init() {}

  /// The table with one program more.
  ///
  /// - Precondition: No other program of the table has the name.
  public consuming func adding(_ recipe: ProgramRecipe) -> ProgramTable {
    precondition(self[recipe.name] == nil, "Two programs of a table have the name \(recipe.name).")
    recipes.append(recipe)
    return self
  }

  /// The names, in the order in which they were added.
  public var names: [String] { recipes.map(\.name) }

  /// The program of that name; nil where there is none.
  public subscript(name: String) -> ProgramRecipe? { recipes.first { $0.name == name } }

  /// Makes an instance of the program of that name.
  ///
  /// - Throws: ``PluginError``, which lists the names there are, or says what an argument must be.
  public func make(
    _ name: String, _ arguments: ProgramArguments = ProgramArguments()
  ) throws(PluginError) -> any Program & Sendable {
    guard let recipe = self[name] else { throw PluginError(name, .unknownProgram(known: names)) }
    return try recipe.make(arguments)
  }
}
