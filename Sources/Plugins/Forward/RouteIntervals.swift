// SPDX-License-Identifier: Apache-2.0

/// Where each address of a family leads: the borders between stretches that lead to the same place, in order.
///
/// A search halves the borders, so a thousand routes take ten steps, whatever the length of their prefixes.
@safe
final class RouteIntervals<Address: FixedWidthInteger & UnsignedInteger>: @unchecked Sendable {
  // Safe: written once, freed with the object.
  private let starts: UnsafeMutablePointer<Address>
  private let places: UnsafeMutablePointer<Int32>
  private let count: Int

  /// Addresses that begin with the same bits, and where they lead.
  struct Prefix {
    let start: Address
    let length: Int
    /// Of several prefixes that an address lies in, the one with the highest rank is taken.
    let rank: Int
    /// Of several of one rank, the one with the lowest.
    let priority: UInt32
    let place: Int32

    var end: Address {
      start | (length == 0 ? .max : (length < Address.bitWidth ? .max >> length : 0))
    }
  }

  /// Orders prefixes; addresses that none of them has lead to −1.
  init(_ prefixes: [Prefix]) {
    let borders = RouteIntervals.borders(of: prefixes)
    count = borders.count
    unsafe starts = .allocate(capacity: count)
    unsafe places = .allocate(capacity: count)
    for (position, border) in borders.enumerated() {
      unsafe (starts + position).initialize(to: border.start)
      unsafe (places + position).initialize(to: border.place)
    }
  }

  deinit {
    unsafe starts.deallocate()
    unsafe places.deallocate()
  }

  /// Where an address leads; −1 for nowhere.
  @inline(__always)
  func place(of address: Address) -> Int32 {
    var first = 0
    var left = count
    // The last border that is not behind the address; the first border is 0.
    while left > 1 {
      let half = left &>> 1
      // Safe: the sum is below the count.
      if unsafe starts[first &+ half] <= address { first &+= half }
      left &-= half
    }
    return unsafe places[first]
  }

  private typealias Border = (start: Address, place: Int32)

  /// Walks the prefixes from the lowest address up, those that hold others first: on the way the stack has those that
  /// the address lies in, each with the best of itself and all below.
  private static func borders(of prefixes: [Prefix]) -> [Border] {
    let sorted = prefixes.sorted {
      ($0.start, $0.length, $0.rank, $1.priority) < ($1.start, $1.length, $1.rank, $0.priority)
    }
    var borders: [Border] = [(0, -1)]
    var open: [(end: Address, rank: Int, place: Int32)] = []
    func close(before start: Address?) {
      while let last = open.last, start.map({ last.end < $0 }) ?? true {
        open.removeLast()
        if last.end < .max { add((last.end + 1, open.last?.place ?? -1), to: &borders) }
      }
    }
    for prefix in sorted {
      close(before: prefix.start)
      if let outer = open.last, outer.rank > prefix.rank {
        open.append((prefix.end, outer.rank, outer.place))
      } else {
        open.append((prefix.end, prefix.rank, prefix.place))
      }
      if let last = open.last { add((prefix.start, last.place), to: &borders) }
    }
    close(before: nil)
    return borders
  }

  /// Adds a border, which takes the place of one at the same address.
  private static func add(_ border: Border, to borders: inout [Border]) {
    if borders.last?.start == border.start { borders.removeLast() }
    if borders.last?.place != border.place { borders.append(border) }
  }
}
