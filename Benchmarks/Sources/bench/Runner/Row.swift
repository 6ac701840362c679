// SPDX-License-Identifier: Apache-2.0

/// What a figure counts, and so which way is better.
enum Unit: String {
  /// Time per operation: less is better.
  case nanoseconds = "ns"
  /// Millions of operations per second: more is better.
  case millionsPerSecond = "M/s"

  /// One window's figure.
  func value(_ window: (count: UInt64, nanoseconds: UInt64)) -> Double {
    let (count, time) = (Double(window.count), Double(window.nanoseconds))
    return self == .nanoseconds ? time / count : count * 1000 / time
  }

  /// How ours stands to the peer's: above 1 is better for us.
  func ratio(ours: Double, theirs: Double) -> Double {
    self == .nanoseconds ? theirs / ours : ours / theirs
  }
}

/// One line of the table and of `bench.json`: medians over the pairs that count.
struct Row {
  let name: String
  let unit: Unit
  let peer: String?
  let lowestRatio: Double
  let ours: [Double]
  let theirs: [Double]
  let droppedCount: Int
  let distances: [Distance]

  var ratio: Double { unit.ratio(ours: ours.median, theirs: theirs.median) }

  var isBelow: Bool { peer != nil && ratio < lowestRatio }

  /// The spread of the ratio within pairs, which is what the placement leaves of the noise.
  var pairRatios: [Double] {
    zip(ours, theirs).map { unit.ratio(ours: $0, theirs: $1) }
  }

  static let heading =
    pad("benchmark", 36) + pad("ours (min..max)", 26) + pad("peer (min..max)", 32)
    + pad("ratio (min..max)", 22) + "pairs"

  var line: String {
    var text = pad(name, 36) + pad(ours.spread + " " + unit.rawValue, 26)
    if let peer {
      text += pad(peer + " " + theirs.spread, 32)
      text += pad("\(ratio.decimals(2)) (\(pairRatios.range(2)))", 22)
    } else {
      text += pad("", 54)
    }
    text += "\(ours.count)"
    if !distances.isEmpty { text += " " + distances.map(\.rawValue).joined(separator: ",") }
    if droppedCount > 0 { text += ", \(droppedCount) dropped" }
    if isBelow { text += "  BELOW \(lowestRatio.decimals(2))" }
    return text
  }

  var json: String {
    var fields = [
      #""name":"\#(name)""#, #""unit":"\#(unit.rawValue)""#, #""value":\#(ours.median.rounded4)"#,
    ]
    if let peer {
      fields += [
        #""peer":"\#(peer)""#, #""peer_value":\#(theirs.median.rounded4)"#,
        #""ratio":\#(ratio.rounded4)"#,
      ]
    }
    fields.append(#""runs":\#(ours.count)"#)
    return "{" + fields.joined(separator: ",") + "}"
  }
}

private func pad(_ text: String, _ width: Int) -> String {
  text.count < width ? text + String(repeating: " ", count: width - text.count) : text + " "
}

extension [Double] {
  var median: Double {
    let ordered = sorted()
    guard let upper = ordered.dropFirst(count / 2).first else { return 0 }
    return count % 2 == 1 ? upper : (ordered[count / 2 - 1] + upper) / 2
  }

  fileprivate var spread: String {
    "\(median.significant) (\((self.min() ?? 0).significant)..\((self.max() ?? 0).significant))"
  }

  fileprivate func range(_ digits: Int) -> String {
    "\((self.min() ?? 0).decimals(digits))..\((self.max() ?? 0).decimals(digits))"
  }
}

extension Double {
  fileprivate var rounded4: Double { (self * 10_000).rounded() / 10_000 }

  fileprivate var significant: String { decimals(self < 10 ? 3 : self < 100 ? 2 : 1) }

  fileprivate func decimals(_ digits: Int) -> String {
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((self * Double(scale)).rounded())
    return "\(scaled / scale)." + String(scaled % scale + scale).dropFirst()
  }
}
