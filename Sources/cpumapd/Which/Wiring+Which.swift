// SPDX-License-Identifier: Apache-2.0

import Control
import Plugins
import Wire

extension Wiring {
  /// Where a flow goes, and its replies.
  struct Explanation {
    var port: String
    var packet: Peeling
    var there: Choice
    var back: Choice
    var candidates: Int

    /// What steering makes of one packet.
    struct Choice {
      var hash: UInt32
      var entry: Configuration.Entry
    }
  }

  /// Explains where a flow goes: `{"flow": "10.0.0.1:443 > 192.0.2.7:5555 tcp", "port": "wan"}`.
  ///
  /// The answer comes from the very program that the port's loops run.
  func which(_ parameters: Parameters) throws(ControlError) -> Explanation {
    let state = current
    let port = try steeringPort(try parameters.optionalText("port"), state)
    let flow = try parameters.text("flow")
    let packet: Peeling
    do throws(FlowText.Mistake) {
      packet = Peeling(try FlowText(flow).octets)
    } catch {
      throw .invalidChange(error.description)
    }
    guard let steer = state.deciders[port]?.first?.program as? Steer else {
      throw .changeRefused("port \(port) steers to nobody")
    }
    func choice(_ packet: Peeling) throws(ControlError) -> Explanation.Choice {
      let hash = packet.hash
      let key = steer.key(forHash: hash)
      let entry = state.configuration.entries.first { state.entries[$0.name]?.key == key }
      guard let entry else { throw .internalFault("no entry has the key \(key)") }
      return Explanation.Choice(hash: hash, entry: entry)
    }
    return Explanation(
      port: port, packet: packet, there: try choice(packet), back: try choice(packet.reply),
      candidates: state.configuration.steeredEntries.count)
  }

  /// The port that was named, or the first that steers.
  private func steeringPort(
    _ name: String?, _ state: State
  ) throws(ControlError) -> String {
    let ports = state.configuration.ports
    guard let name else {
      guard let port = ports.first(where: { $0.program == nil }) else {
        throw .changeRefused(
          "no port steers: each has a program of its own, which decides by itself")
      }
      return port.name
    }
    guard let port = ports.first(where: { $0.name == name }) else {
      throw .unknown("port", name, among: ports.map(\.name))
    }
    if let program = port.program {
      throw .changeRefused("port \(name) runs the program \(program), which decides by itself")
    }
    return name
  }
}

extension Wiring.Explanation {
  /// The explanation as the control socket carries it.
  var json: JSON {
    [
      "port": .string(port), "layers": packet.json, "stop": .string("\(packet.dissection.stop)"),
      "key": .string(packet.key), "candidates": .integer(candidates), "there": there.json,
      "reply_layers": packet.reply.json, "back": back.json,
      "same": .boolean(there.entry.name == back.entry.name),
    ]
  }
}

extension Wiring.Explanation.Choice {
  fileprivate var json: JSON {
    let digits = String(hash, radix: 16)
    return [
      "hash": .string("0x" + String(repeating: "0", count: 8 - digits.count) + digits),
      "entry": .string(entry.name), "cpu": .integer(entry.cpu),
    ]
  }
}
