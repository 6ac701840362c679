// SPDX-License-Identifier: Apache-2.0

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
}
