// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Every benchmark, in the order in which a packet meets what it measures.
let benchmarks: [@Sendable (inout Runner) -> Void] = [
  ringSameThread,
  ringTwoThreads,
  pagePools,
  frames,
  programs, programMaps,
  pipelines,
  ports,
]

@main
struct Bench {
  static func main() {
    guard let options = Options(arguments: CommandLine.arguments.dropFirst()) else {
      print(Options.usage)
      exit(64)
    }
    var runner = Runner(options: options)
    for benchmark in benchmarks { benchmark(&runner) }
    exit(runner.finish())
  }
}
