// SPDX-License-Identifier: Apache-2.0

import Plugins
import Testing
import XDPFrame

@Suite struct ProgramTableTests {
  private let table = ProgramTable.builtIn

  @Test func theNameOfAProgramMakesAnInstanceOfItsOwn() throws {
    #expect(
      table.names == ["Pass", "Drop", "Reflect", "Count", "Redirect", "Mirror", "Tunnel"])
    let ends = ProgramArguments(["local": "192.0.2.1", "remote": "192.0.2.2"])
    for name in table.names {
      let arguments = name == "Tunnel" ? ends : ProgramArguments()
      let (one, two) = (try table.make(name, arguments), try table.make(name, arguments))
      #expect(one !== two)
    }
    #expect(try table.make("Count") is Count)
    #expect(try table.make("Redirect") is RedirectByPort)
  }

  @Test func aNameThatNothingHasIsRefusedWithThoseThereAre() throws {
    let error = try #require(throws: PluginError.self) { try table.make("count") }
    #expect(
      error.description
        == "plugin count: there is no program of that name; known are Pass, Drop, Reflect, Count, "
        + "Redirect, Mirror, Tunnel")
  }

  @Test(arguments: [
    (["verdict": "tx"], "plugin Count: verdict is \"tx\"; it must be one of pass, drop"),
    (["n": "1"], "plugin Count: it takes no argument n; known are verdict"),
  ])
  func anArgumentThatMakesNoSenseIsRefused(values: [String: String], words: String) throws {
    let error = try #require(throws: PluginError.self) {
      try table.make("Count", ProgramArguments(values))
    }
    #expect(error.description == words)
  }

  @Test(arguments: [
    ("Mirror", ["port": "70000"], "plugin Mirror: port is \"70000\"; it must be 0...65535"),
    ("Tunnel", ["local": "::1"], "plugin Tunnel: local is \"::1\"; it must be an IPv4 address"),
    (
      "Tunnel", ["local": "192.0.2.1"], "plugin Tunnel: remote is \"\"; it must be an IPv4 address"
    ),
  ])
  func whatOnlyTheProgramUnderstandsIsRefusedByIt(
    name: String, values: [String: String], words: String
  ) throws {
    let error = try #require(throws: PluginError.self) {
      try table.make(name, ProgramArguments(values))
    }
    #expect(error.description == words)
  }

  @Test func aProgramWithoutParametersSaysSo() throws {
    let error = try #require(throws: PluginError.self) {
      try table.make("Drop", ProgramArguments(["n": "1"]))
    }
    #expect(error.description == "plugin Drop: it takes no arguments, and n is one")
  }

  @Test(arguments: [
    ("Pass", [:], true), ("Drop", [:], false), ("Reflect", [:], false),
    ("Count", [:], true), ("Count", ["verdict": "drop"], false),
    ("Redirect", [:], false), ("Redirect", ["miss": "pass"], true),
  ])
  func aProgramSaysWhetherItMayPass(name: String, values: [String: String], mayPass: Bool) throws {
    #expect(try #require(table[name]).mayPass(ProgramArguments(values)) == mayPass)
  }

  @Test func anExecutableAddsItsOwn() throws {
    let own = table.adding(
      ProgramRecipe("Own", "drops", parameters: [.init("text")], mayPass: { _ in false }) {
        arguments throws(PluginError) in
        guard arguments.values["text"] != "no" else {
          throw PluginError("Own", .invalidArgument("text", "no", allowed: "anything else"))
        }
        return Drop()
      })
    #expect(own.names.last == "Own")
    #expect(try own.make("Own", ProgramArguments(["text": "whatever"])) is Drop)
    #expect(throws: PluginError.self) {
      try own.make("Own", ProgramArguments(["text": "no"]))
    }
    #expect(table["Own"] == nil)
  }
}
