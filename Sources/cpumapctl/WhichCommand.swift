// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl which`: where a flow goes, and why.
struct WhichCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "which", abstract: "Show which entry a flow goes to, and its replies.",
    discussion: """
      A flow is SOURCE > DESTINATION PROTOCOL, with ports where the protocol has them:
        cpumapctl which '10.0.0.1:443 > 192.0.2.7:5555 tcp'
        cpumapctl which 'vlan 7 [2001:db8::1]:53 > [2001:db8::2]:53 udp'
        cpumapctl which 'qinq 208.4 10.0.0.1 > 10.0.0.2 icmp'
      or a packet in hexadecimal, from its Ethernet header.
      """)

  @OptionGroup var options: Options

  @Argument(help: "The flow, or a packet in hexadecimal.") var flow: [String]

  @Option(help: "The port that it arrives at; the first that steers without one.")
  var port: String?

  func run() throws {
    var parameters: JSON.Object = ["flow": .string(flow.joined(separator: " "))]
    parameters["port"] = port.map(JSON.string)
    try options.ask { (client) throws(ClientError) in
      let (json, which) = try client.read("which", .object(parameters)) {
        (json) throws(JSON.MismatchError) in try Which(json: json)
      }
      options.show(json, which.text)
      return .ok
    }
  }
}
