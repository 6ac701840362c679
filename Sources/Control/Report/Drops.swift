// SPDX-License-Identifier: Apache-2.0

/// Who dropped how many frames, and why: the largest number first.
public struct Drops: Sendable, Equatable {
  /// The frames that one place dropped for one reason.
  public struct Item: Sendable, Equatable {
    /// The place, such as `entry w1`.
    public var place: String
    /// The reason, by the contract.
    public var reason: String
    /// How many.
    public var frames: UInt64
  }

  /// What was dropped, the largest number first.
  public var items: [Item]

  /// Collects the drops of a report.
  ///
  /// What never came this far is told as well: frames that the kernel had no buffer for, as `rx_fill_empty`, and
  /// those that met a full queue, as `ring_full`.
  public init(_ report: Report) {
    var items: [Item] = []
    for port in report.ports {
      let place = "port \(port.name)"
      items.append(Item(place: place, reason: "rx_fill_empty", frames: port.rxKernelDropped))
      items += port.drop.elements.map { Item(place: place, reason: $0.reason, frames: $0.frames) }
    }
    for entry in report.entries {
      let place = "entry \(entry.id)"
      items.append(Item(place: place, reason: "ring_full", frames: entry.ringDrop))
      items += entry.drop.elements.map { Item(place: place, reason: $0.reason, frames: $0.frames) }
    }
    self.items = items.filter { $0.frames > 0 }.enumerated().sorted {
      ($1.element.frames, $0.offset) < ($0.element.frames, $1.offset)
    }.map(\.element)
  }

  /// The drops for scripts.
  public var json: JSON {
    [
      "drops": .array(
        items.map {
          ["place": .string($0.place), "reason": .string($0.reason), "frames": JSON($0.frames)]
        }),
      "total": JSON(items.reduce(UInt64(0)) { $0 &+ $1.frames }),
    ]
  }

  /// The drops for people.
  public var text: String {
    guard !items.isEmpty else { return "nothing was dropped\n" }
    var table = TextTable([("DROPPED BY", .left), ("REASON", .left), ("FRAMES", .right)])
    for item in items { table.add([item.place, item.reason, "\(item.frames)"]) }
    return table.text()
  }
}
