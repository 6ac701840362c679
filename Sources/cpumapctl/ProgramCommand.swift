// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl prog`: the programs, and which entry runs which.
struct ProgramCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prog", abstract: "Show, load, swap and roll back programs.",
    subcommands: [List.self, Load.self, Swap.self, Rollback.self], defaultSubcommand: List.self)

  @OptionGroup var options: Options

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the programs.")

    @OptionGroup var options: Options

    func run() throws {
      try options.ask { (client) throws(ClientError) in
        let (json, list) = try client.read("prog.list") { (json) throws(JSON.MismatchError) in
          try ProgramList(json: json)
        }
        options.show(json, list.text)
        return .ok
      }
    }
  }

  struct Load: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Load a program, or load it anew; nobody runs it before it is swapped in.")

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The name that it gets.") var name: String
    @Option(help: "Where it is from, as in the configuration: swift, so, ...") var kind: String
    @Option(help: "A program of cpumapd's own, by its name.") var type: String?
    @Option(help: "The file, by its absolute path.", completion: .file()) var file: String?
    @Option(help: "What it is told: text for a file, NAME=VALUE for a program of cpumapd's own.")
    var args: String?
    @Option(help: "Any other key of the configuration, as KEY=VALUE; may be repeated.")
    var set: [String] = []

    func validate() throws {
      guard set.allSatisfy({ $0.contains("=") }) else { throw ValidationError("--set KEY=VALUE") }
    }

    func run() throws {
      var definition: JSON.Object = ["kind": .string(kind)]
      definition["type"] = type.map(JSON.string)
      definition["file"] = file.map(JSON.string)
      definition["args"] = args.map { type == nil ? .string($0) : .object(Self.pairs([$0])) }
      for member in Self.pairs(set).members { definition[member.name] = member.value }
      try change.request(
        "prog.load", ["name": .string(name), "definition": .object(definition)], options)
    }

    private static func pairs(_ words: [String]) -> JSON.Object {
      JSON.Object(
        words.map { word in
          let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
          return (String(parts[0]), .string(parts.count > 1 ? String(parts[1]) : ""))
        })
    }
  }

  struct Swap: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let an entry run another program, or the one that was loaded anew.",
      discussion: """
        Frames that are in the queue already are run by the old program, those that come later by \
        the new one: each by one of them.
        """)

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The entry.") var entry: String
    @Argument(help: "The program.") var program: String

    func run() throws {
      try change.request(
        "prog.swap", ["entry": .string(entry), "program": .string(program)], options)
    }
  }

  struct Rollback: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let an entry run what it ran before, in the state that it was left in.")

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The entry.") var entry: String

    func run() throws { try change.request("prog.rollback", ["entry": .string(entry)], options) }
  }
}
