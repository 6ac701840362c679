// SPDX-License-Identifier: Apache-2.0

/// Where a flow goes, and why.
public struct Which: Sendable, Equatable {
  /// A header of the packet.
  public struct Layer: Sendable, Equatable {
    /// What people call it.
    public var name: String
    /// What of it matters.
    public var text: String
  }

  /// What steering makes of a packet.
  public struct Choice: Sendable, Equatable {
    /// The flow hash, in hexadecimal.
    public var hash: String
    /// The entry.
    public var entry: String
    /// The CPU of its worker.
    public var cpu: Int
  }

  /// The port that it arrives at.
  public var port: String
  /// The headers, outermost first.
  public var layers: [Layer]
  /// What the hash is made of.
  public var key: String
  /// How many entries there are to choose from.
  public var candidates: Int
  /// Where the packet goes.
  public var there: Choice
  /// Where a reply to it goes.
  public var back: Choice

  /// Reads what the daemon answers.
  ///
  /// - Throws: ``JSON/MismatchError`` naming the first key that is missing or of the wrong kind.
  public init(json: JSON) throws(JSON.MismatchError) {
    let reader = JSON.Reader(json)
    port = try reader["port"].string()
    layers = []
    for layer in try reader["layers"].elements() {
      layers.append(Layer(name: try layer["name"].string(), text: try layer["text"].string()))
    }
    key = try reader["key"].string()
    candidates = try reader["candidates"].integer()
    there = try Choice(reader["there"])
    back = try Choice(reader["back"])
  }

  /// The packet peeled layer by layer, and where both directions end.
  public var text: String {
    let peeled = layers.enumerated().map { depth, layer in
      String(repeating: "  ", count: depth) + layer.name.padded(to: 8) + layer.text
    }
    let same = there.entry == back.entry ? "the same worker" : "ANOTHER worker"
    let lines =
      peeled + [
        "hash    \(there.hash), of \(key)",
        "goes to \(there.entry) on CPU \(there.cpu), one of \(candidates) entries of port \(port)",
        "replies \(back.hash), to \(back.entry) on CPU \(back.cpu): \(same)",
      ]
    return lines.map { $0.printable + "\n" }.joined()
  }
}

extension Which.Choice {
  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    hash = try reader["hash"].string()
    entry = try reader["entry"].string()
    cpu = try reader["cpu"].integer()
  }
}
