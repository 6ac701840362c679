// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl entry`: the queues and their workers.
struct EntryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "entry", abstract: "Show, add, remove, change and drain entries.",
    discussion: """
      Changes apply while frames flow: none is lost, and the frames of a flow stay in order. They \
      last until the daemon ends or reloads; what is to last longer goes into its file.
      """,
    subcommands: [List.self, Add.self, Remove.self, Set.self, Drain.self],
    defaultSubcommand: List.self)

  @OptionGroup var options: Options

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the entries.")

    @OptionGroup var options: Options

    func run() throws {
      try options.ask { (client) throws(ClientError) in
        let (json, report) = try client.report()
        let object: JSON = [
          "generation": json["generation"] ?? .null, "entries": json["entries"] ?? [],
        ]
        options.show(object, report.entryListText)
        return .ok
      }
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Add an entry.")

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "Its name.") var name: String
    @Option(help: "The CPU of its worker.") var cpu: Int
    @Option(help: "The slots of its queue, 1 to 16384.") var qsize: Int?
    @Option(help: "The program that it runs; without one it passes every frame.")
    var program: String?
    @Flag(help: "Leave it out of steering; programs may redirect to it.") var unsteered = false

    func run() throws {
      var entry: JSON.Object = ["name": .string(name), "cpu": .integer(cpu)]
      entry["qsize"] = qsize.map(JSON.integer)
      entry["program"] = program.map(JSON.string)
      try change.request(
        "entry.add", ["entry": .object(entry), "unsteered": .boolean(unsteered)], options)
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Remove an entry, once its queue is empty.")

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The entry.") var entry: String

    func run() throws { try change.request("entry.rm", ["entry": .string(entry)], options) }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change an entry: its CPU, its queue, its program.")

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The entry.") var entry: String
    @Option(help: "The CPU of its worker.") var cpu: Int?
    @Option(help: "The slots of its queue, 1 to 16384.") var qsize: Int?
    @Option(help: "The program that it runs.") var program: String?

    func validate() throws {
      guard cpu != nil || qsize != nil || program != nil else {
        throw ValidationError("give at least one of --cpu, --qsize, --program")
      }
    }

    func run() throws {
      var set: JSON.Object = [:]
      set["cpu"] = cpu.map(JSON.integer)
      set["qsize"] = qsize.map(JSON.integer)
      set["program"] = program.map(JSON.string)
      try change.request("entry.set", ["entry": .string(entry), "set": .object(set)], options)
    }
  }

  struct Drain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Steer nothing to an entry any more, and wait until its queue is empty.")

    @OptionGroup var options: Options
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The entry.") var entry: String
    @Flag(help: "Steer to it again.") var undo = false

    func run() throws {
      try change.request(
        "entry.drain", ["entry": .string(entry), "undo": .boolean(undo)], options)
    }
  }
}
