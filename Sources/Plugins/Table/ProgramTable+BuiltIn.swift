// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import XDPFrame

extension ProgramTable {
  /// The programs of this library that need nothing but words; steering is what a port does that names no program.
  public static let builtIn = ProgramTable()
    .adding(ProgramRecipe("Pass", "passes every packet", mayPass: { _ in true }) { _ in Pass() })
    .adding(ProgramRecipe("Drop", "drops every packet", mayPass: { _ in false }) { _ in Drop() })
    .adding(
      ProgramRecipe(
        "Reflect", "swaps the Ethernet addresses and sends every packet back",
        mayPass: { _ in false }
      ) { _ in Reflect() }
    )
    .adding(
      ProgramRecipe(
        "Count", "counts packets and octets, then gives each the same verdict",
        parameters: [.init("verdict", words: ["pass", "drop"])],
        mayPass: { $0.verdict("verdict", otherwise: .pass) == .pass }
      ) { Count(verdict: $0.verdict("verdict", otherwise: .pass)) }
    )
    .adding(
      ProgramRecipe(
        "Redirect", "sends every packet to the port that is set for the one it came by",
        parameters: [.init("miss", words: ProgramArguments.verdictWords)],
        mayPass: { $0.verdict("miss", otherwise: .drop) == .pass }
      ) { RedirectByPort(map: $0.deviceMap, onMiss: $0.verdict("miss", otherwise: .drop)) }
    )
    .adding(
      ProgramRecipe(
        "Mirror", "sends TCP to and from one port back to its sender",
        parameters: [.init("port")], mayPass: { _ in true }
      ) { arguments throws(PluginError) in
        guard let text = arguments.values["port"] else { return Mirror() }
        guard let port = UInt16(text) else {
          throw PluginError("Mirror", .invalidArgument("port", text, allowed: "0...65535"))
        }
        return Mirror(port: port)
      }
    )
    .adding(
      ProgramRecipe(
        "Tunnel", "wraps IPv4 and IPv6 in IPv4 and sends every packet back",
        parameters: [.init("local"), .init("remote")], mayPass: { _ in true }
      ) { arguments throws(PluginError) in
        Tunnel(
          from: try arguments.ipv4("local", of: "Tunnel"),
          to: try arguments.ipv4("remote", of: "Tunnel"))
      }
    )
}

extension ProgramArguments {
  /// The address that an argument names, which must not be missing.
  fileprivate func ipv4(
    _ name: String, of program: String
  ) throws(PluginError) -> IPv4Address {
    let text = values[name] ?? ""
    if let address = IPv4Address(text) { return address }
    throw PluginError(program, .invalidArgument(name, text, allowed: "an IPv4 address"))
  }
}
