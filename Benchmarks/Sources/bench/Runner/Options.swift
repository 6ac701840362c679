// SPDX-License-Identifier: Apache-2.0

/// What the command line asks for.
struct Options {
  static let usage = """
    usage: bench [--quick] [--pairs N] [--filter TEXT] [--check] [--output FILE]
      --quick        5 pairs of short windows instead of 9: the whole run in under three minutes
      --pairs N      pairs of windows per benchmark
      --filter TEXT  only the benchmarks whose name contains TEXT
      --check        exit with 1 if a ratio is below what its benchmark allows
      --output FILE  where the figures go as JSON
      --dpdk FILE    the shared object with the peers in DPDK
      --once COUNT   so many operations of ours alone, untimed: what scripts/check-instructions counts
    """

  var pairCount = 9
  /// The length of one window; in a longer one the virtual CPUs would move.
  var windowNanoseconds: UInt64 = 200_000_000
  var filter = ""
  var isChecking = false
  var output: String?
  var dpdk: String?
  var once: UInt64?

  init?(arguments: some Sequence<String>) {
    var rest = Array(arguments)[...]
    while let option = rest.popFirst() {
      switch option {
      case "--quick": (pairCount, windowNanoseconds) = (5, 50_000_000)
      case "--check": isChecking = true
      case "--pairs":
        guard let text = rest.popFirst(), let count = Int(text), count > 0 else { return nil }
        pairCount = count
      case "--filter":
        guard let text = rest.popFirst() else { return nil }
        filter = text
      case "--once":
        guard let text = rest.popFirst(), let count = UInt64(text), count % 1024 == 0 else {
          return nil
        }
        once = count
      case "--dpdk":
        guard let text = rest.popFirst() else { return nil }
        dpdk = text
      case "--output":
        guard let text = rest.popFirst() else { return nil }
        output = text
      default: return nil
      }
    }
  }
}
