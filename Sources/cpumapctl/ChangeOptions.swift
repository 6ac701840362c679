// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// What every command takes that changes something.
struct ChangeOptions: ParsableArguments {
  @Option(help: "Change nothing unless this generation runs; status shows it.")
  var ifGeneration: UInt64?
}

extension ChangeOptions {
  /// Asks for a change and shows what became of it.
  func request(_ method: String, _ parameters: JSON.Object, _ options: Options) throws {
    var parameters = parameters
    parameters["if_generation"] = ifGeneration.map { JSON($0) }
    try options.ask(timeout: .seconds(60)) { (client) throws(ClientError) in
      let (json, result) = try client.read(method, .object(parameters)) {
        (json) throws(JSON.MismatchError) in try ChangeResult(json: json)
      }
      options.show(json, result.text)
      return .ok
    }
  }
}
