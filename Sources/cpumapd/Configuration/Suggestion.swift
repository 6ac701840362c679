// SPDX-License-Identifier: Apache-2.0

/// Finds the word that was meant.
enum Suggestion {
  /// `; did you mean "x"?` with the nearest candidate, or nothing when none is near.
  static func phrase(for word: String, among candidates: some Sequence<String>) -> String {
    guard let nearest = nearest(to: word, among: candidates) else { return "" }
    return "; did you mean \"\(nearest)\"?"
  }

  /// The candidate with the fewest edits, if they leave enough of the word standing.
  static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    // A word far longer than any key is no slip of the finger, and the search is quadratic.
    guard word.count <= 64 else { return nil }
    let distances = candidates.map { (name: $0, edits: edits(from: word, to: $0)) }
    let near = distances.filter { name, edits in
      let shorter = min(word.count, name.count)
      return edits <= max(2, shorter / 3) && edits < shorter
    }
    return near.min { $0.edits < $1.edits }?.name
  }

  /// The fewest insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
  ///
  /// Case does not count as a difference, so that a wrong capital is always found.
  static func edits(from first: String, to second: String) -> Int {
    let first = Array(first.lowercased())
    let second = Array(second.lowercased())
    guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
    var beforeLast = [Int](repeating: 0, count: second.count + 1)
    var last = Array(0...second.count)
    for row in 1...first.count {
      var current = [row]
      for column in 1...second.count {
        let same = first[row - 1] == second[column - 1]
        var edits = min(
          last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1))
        if row > 1, column > 1, first[row - 1] == second[column - 2],
          first[row - 2] == second[column - 1]
        {
          edits = min(edits, beforeLast[column - 2] + 1)
        }
        current.append(edits)
      }
      (beforeLast, last) = (last, current)
    }
    return last[second.count]
  }
}
