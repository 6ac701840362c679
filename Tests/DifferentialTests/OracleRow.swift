// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Testing

/// One adjustment whose answer was taken down from Linux 6.18.44.
///
/// What `BPF_PROG_TEST_RUN` itself refuses, before any helper runs, is not among them: OctetsTests has which packets
/// can be made.
struct OracleRow: Sendable, CustomTestStringConvertible {
  let operation: adjustment
  let argument: Int
  let count: Int
  // The packet before: its octets, how many of them are linear, and its metadata.
  let before: (byteCount: Int, linear: Int, metadata: Int)
  // The kernel's answer, and the packet after it.
  let result: Int32
  let length: Int
  let linear: Int
  let metadata: Int

  /// In the order of the columns: operation, argument, count; packet before; result; packet after.
  private init(
    _ operation: adjustment, _ argument: Int, _ count: Int, _ before: (Int, Int, Int),
    _ result: Int32, _ after: (Int, Int, Int)
  ) {
    self.operation = operation
    self.argument = argument
    self.count = count
    self.before = before
    self.result = result
    (length, linear, metadata) = after
  }

  var script: PacketScript {
    PacketScript(
      metadata: before.metadata, byteCount: before.byteCount, linear: before.linear,
      steps: [.init(operation: operation, argument: Int32(argument), count: UInt32(count))])
  }

  var testDescription: String { script.description }
}

extension OracleRow {
  static let all: [OracleRow] = [
    .init(ADJUST_TAIL, -256, 1, (54, 54, 0), -22, (54, 54, 0)),
    .init(ADJUST_TAIL, -40, 1, (54, 54, 0), 0, (14, 14, 0)),
    .init(ADJUST_TAIL, -41, 1, (54, 54, 0), -22, (54, 54, 0)),
    .init(ADJUST_TAIL, 128, 1, (64, 64, 0), 0, (192, 192, 0)),
    .init(ADJUST_TAIL, 3392, 1, (128, 128, 0), 0, (3520, 3520, 0)),
    .init(ADJUST_TAIL, 3393, 1, (128, 128, 0), -22, (128, 128, 0)),
    .init(ADJUST_TAIL, 4096, 1, (54, 54, 0), -22, (54, 54, 0)),
    .init(ADJUST_TAIL, 40, 1, (74, 74, 0), 0, (114, 114, 0)),
    .init(ADJUST_TAIL, -20, 1, (74, 74, 0), 0, (54, 54, 0)),
    .init(ADJUST_TAIL, 0, 1, (3520, 3520, 0), 0, (3520, 3520, 0)),
    .init(ADJUST_TAIL, 1, 1, (3520, 3520, 0), -22, (3520, 3520, 0)),
    .init(ADJUST_TAIL, -3506, 1, (3520, 3520, 0), 0, (14, 14, 0)),
    .init(ADJUST_TAIL, -3507, 1, (3520, 3520, 0), -22, (3520, 3520, 0)),
    .init(ADJUST_TAIL, 10, 1, (9000, 3520, 0), 0, (9010, 3520, 0)),
    .init(ADJUST_TAIL, -10, 1, (9000, 3520, 0), 0, (8990, 3520, 0)),
    .init(ADJUST_TAIL, -4100, 1, (9000, 3520, 0), 0, (4900, 3520, 0)),
    .init(ADJUST_TAIL, -8200, 1, (9000, 3520, 0), 0, (800, 800, 0)),
    .init(ADJUST_TAIL, -5480, 1, (9000, 3520, 0), 0, (3520, 3520, 0)),
    .init(ADJUST_TAIL, -1384, 1, (9000, 3520, 0), 0, (7616, 3520, 0)),
    .init(ADJUST_TAIL, -1385, 1, (9000, 3520, 0), 0, (7615, 3520, 0)),
    .init(ADJUST_TAIL, -8986, 1, (9000, 3520, 0), 0, (14, 14, 0)),
    .init(ADJUST_TAIL, -8987, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(ADJUST_TAIL, 4096, 1, (9001, 3520, 0), -22, (9001, 3520, 0)),
    .init(ADJUST_TAIL, 2712, 1, (9000, 3520, 0), 0, (11712, 3520, 0)),
    .init(ADJUST_TAIL, 2713, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(ADJUST_TAIL, 4095, 1, (3521, 3520, 0), 0, (7616, 3520, 0)),
    .init(ADJUST_TAIL, 4096, 1, (3521, 3520, 0), -22, (3521, 3520, 0)),
    .init(ADJUST_TAIL, -1, 1, (3521, 3520, 0), 0, (3520, 3520, 0)),
    .init(ADJUST_TAIL, 0, 1, (7616, 3520, 0), 0, (7616, 3520, 0)),
    .init(ADJUST_TAIL, 1, 1, (7616, 3520, 0), -22, (7616, 3520, 0)),
    .init(ADJUST_TAIL, 1, 1, (7617, 3520, 0), 0, (7618, 3520, 0)),
    .init(ADJUST_TAIL, 1, 1, (73152, 3520, 0), -22, (73152, 3520, 0)),
    .init(ADJUST_TAIL, -1, 1, (73152, 3520, 0), 0, (73151, 3520, 0)),
    .init(ADJUST_TAIL, -69632, 1, (73152, 3520, 0), 0, (3520, 3520, 0)),
    .init(ADJUST_HEAD, -216, 1, (64, 64, 0), 0, (280, 280, 0)),
    .init(ADJUST_HEAD, -217, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_HEAD, -256, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_HEAD, -40, 1, (64, 64, 0), 0, (104, 104, 0)),
    .init(ADJUST_HEAD, 50, 1, (64, 64, 0), 0, (14, 14, 0)),
    .init(ADJUST_HEAD, 51, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_HEAD, 64, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_HEAD, 3506, 1, (9000, 3520, 0), 0, (5494, 14, 0)),
    .init(ADJUST_HEAD, 3507, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(ADJUST_HEAD, -216, 1, (9000, 3520, 0), 0, (9216, 3736, 0)),
    .init(ADJUST_HEAD, 3520, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(ADJUST_HEAD, 0, 1, (14, 14, 0), 0, (14, 14, 0)),
    .init(ADJUST_HEAD, 1, 1, (14, 14, 0), -22, (14, 14, 0)),
    .init(ADJUST_METADATA, -4, 1, (64, 64, 0), 0, (64, 64, 4)),
    .init(ADJUST_METADATA, -32, 1, (64, 64, 0), 0, (64, 64, 32)),
    .init(ADJUST_METADATA, -36, 1, (64, 64, 0), 0, (64, 64, 36)),
    .init(ADJUST_METADATA, -252, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_METADATA, -216, 1, (64, 64, 0), 0, (64, 64, 216)),
    .init(ADJUST_METADATA, -212, 1, (64, 64, 0), 0, (64, 64, 212)),
    .init(ADJUST_METADATA, -220, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_METADATA, -3, 1, (64, 64, 0), -13, (64, 64, 0)),
    .init(ADJUST_METADATA, -6, 1, (64, 64, 0), -13, (64, 64, 0)),
    .init(ADJUST_METADATA, 4, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_METADATA, 0, 1, (64, 64, 0), 0, (64, 64, 0)),
    .init(ADJUST_METADATA, 1, 1, (64, 64, 0), -22, (64, 64, 0)),
    .init(ADJUST_METADATA, 32, 1, (128, 128, 32), 0, (128, 128, 0)),
    .init(ADJUST_METADATA, 36, 1, (128, 128, 32), -22, (128, 128, 32)),
    .init(ADJUST_METADATA, 28, 1, (128, 128, 32), 0, (128, 128, 4)),
    .init(ADJUST_METADATA, 4, 1, (128, 128, 4), 0, (128, 128, 0)),
    .init(ADJUST_METADATA, 8, 1, (128, 128, 4), -22, (128, 128, 4)),
    .init(ADJUST_METADATA, 0, 1, (128, 128, 216), 0, (128, 128, 216)),
    .init(ADJUST_METADATA, -4, 1, (128, 128, 212), 0, (128, 128, 216)),
    .init(ADJUST_METADATA, -8, 1, (128, 128, 212), -22, (128, 128, 212)),
    .init(ADJUST_METADATA, -4, 1, (128, 128, 216), -22, (128, 128, 216)),
    .init(ADJUST_HEAD, -184, 1, (128, 128, 32), 0, (312, 312, 32)),
    .init(ADJUST_HEAD, -185, 1, (128, 128, 32), -22, (128, 128, 32)),
    .init(ADJUST_HEAD, 20, 1, (128, 128, 32), 0, (108, 108, 32)),
    .init(LOAD, 16, 16, (128, 128, 0), 0, (128, 128, 0)),
    .init(STORE, 16, 16, (128, 128, 0), 0, (128, 128, 0)),
    .init(LOAD, 112, 16, (128, 128, 0), 0, (128, 128, 0)),
    .init(STORE, 112, 16, (128, 128, 0), 0, (128, 128, 0)),
    .init(LOAD, 113, 16, (128, 128, 0), -22, (128, 128, 0)),
    .init(STORE, 113, 16, (128, 128, 0), -22, (128, 128, 0)),
    .init(LOAD, 127, 1, (128, 128, 0), 0, (128, 128, 0)),
    .init(STORE, 127, 1, (128, 128, 0), 0, (128, 128, 0)),
    .init(LOAD, 128, 1, (128, 128, 0), -22, (128, 128, 0)),
    .init(STORE, 128, 1, (128, 128, 0), -22, (128, 128, 0)),
    .init(LOAD, 5000, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 5000, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 3510, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 3510, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 7606, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 7606, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 3504, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 3504, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 3505, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 3505, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 8984, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 8984, 16, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 8985, 16, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(STORE, 8985, 16, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(LOAD, 8999, 1, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 8999, 1, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 9000, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(STORE, 9000, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(LOAD, 0, 64, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(STORE, 0, 64, (9000, 3520, 0), 0, (9000, 3520, 0)),
    .init(LOAD, 65535, 16, (73152, 3520, 0), 0, (73152, 3520, 0)),
    .init(STORE, 65535, 16, (73152, 3520, 0), 0, (73152, 3520, 0)),
    .init(LOAD, 65536, 16, (73152, 3520, 0), -14, (73152, 3520, 0)),
    .init(STORE, 65536, 16, (73152, 3520, 0), -14, (73152, 3520, 0)),
    .init(LOAD, 65520, 64, (73152, 3520, 0), 0, (73152, 3520, 0)),
    .init(STORE, 65520, 64, (73152, 3520, 0), 0, (73152, 3520, 0)),
    .init(LOAD, -1, 1, (73152, 3520, 0), -14, (73152, 3520, 0)),
    .init(STORE, -1, 1, (73152, 3520, 0), -14, (73152, 3520, 0)),
    .init(PULL, 2048, 1, (2048, 2048, 0), 0, (2048, 2048, 0)),
    .init(PULL, 2048, 1, (2048, 1024, 0), 0, (2048, 2048, 0)),
    .init(PULL, 1025, 1, (9000, 1024, 0), 0, (9000, 1025, 0)),
    .init(PULL, 1025, 1, (9000, 1025, 0), 0, (9000, 1025, 0)),
    .init(PULL, 0, 1, (9000, 14, 0), 0, (9000, 14, 0)),
    .init(PULL, 3736, 1, (9000, 0, 0), 0, (9000, 3736, 0)),
    .init(PULL, 3737, 1, (9000, 0, 0), -22, (9000, 0, 0)),
    .init(PULL, 3520, 1, (8784, 1024, 216), 0, (8784, 3520, 216)),
    .init(PULL, 3521, 1, (8784, 1024, 216), -22, (8784, 1024, 216)),
    .init(PULL, 3736, 1, (9000, 3520, 0), 0, (9000, 3736, 0)),
    .init(PULL, 3737, 1, (9000, 3520, 0), -22, (9000, 3520, 0)),
    .init(PULL, 2049, 1, (2048, 2048, 0), -22, (2048, 2048, 0)),
    .init(PULL, 3521, 1, (8784, 3520, 216), -22, (8784, 3520, 216)),
    .init(PULL, 3520, 1, (8784, 3520, 216), 0, (8784, 3520, 216)),
    .init(PULL, 3520, 1, (9000, 1024, 0), 0, (9000, 3520, 0)),
    .init(PULL, 3600, 1, (9000, 1024, 0), 0, (9000, 3600, 0)),
  ]
}
