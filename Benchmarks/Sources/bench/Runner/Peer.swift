// SPDX-License-Identifier: Apache-2.0

/// Somebody else's way of doing the same.
struct Peer {
  /// `c`, `dpdk`, `ubpf` or `kernel`.
  let name: String
  /// The ratio below which `--check` fails.
  let lowestRatio: Double
  let side: Side

  /// The same algorithm in C, in `Sources/CPeers`.
  static func c(notBelow lowest: Double, _ side: @escaping Side) -> Peer {
    Peer(name: "c", lowestRatio: lowest, side: side)
  }
}

extension Runner {
  /// The same job as a user of DPDK would write it, in `DPDK/dpdk.c`; no peer where DPDK is not installed.
  func dpdk(
    notBelow lowest: Double, _ side: @escaping (DPDK, UInt64, [UInt32]) -> UInt64
  ) -> [Peer] {
    guard let dpdk else { return [] }
    return [
      Peer(name: "dpdk", lowestRatio: lowest) { count, cpus in side(dpdk, count, cpus) }
    ]
  }
}
