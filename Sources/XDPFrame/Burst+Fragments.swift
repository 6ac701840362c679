// SPDX-License-Identifier: Apache-2.0

extension Burst {
  /// Shows only the packets without fragments, for a program that does not accept any.
  ///
  /// Those with fragments stand behind the others afterwards, which keep their order.
  ///
  /// - Parameter body: Is not called where every packet has fragments; adds and takes out none.
  /// - Returns: How many packets were shown.
  public mutating func showWithoutFragments(_ body: (inout Burst) -> Void) -> Int {
    let count = count
    let shown = moveFragmentsBack()
    guard shown > 0 else { return 0 }
    // The packets stay where they are; only the number changes while the body looks at it.
    filled = shown
    body(&self)
    filled = count
    return shown
  }

  /// Moves the packets with fragments behind the others; answers how many those are.
  private mutating func moveFragmentsBack() -> Int {
    var shown = 0
    for position in 0..<count {
      // Safe: every packet is moved out of its place once, and into another once.
      guard unsafe !packets[position].hasFragments else { continue }
      if shown < position {
        let packet = unsafe (packets + position).move()
        unsafe (packets + shown + 1).moveInitialize(
          from: packets + shown, count: position - shown)
        unsafe (packets + shown).initialize(to: packet)
      }
      shown += 1
    }
    return shown
  }
}
