// SPDX-License-Identifier: Apache-2.0

import Glibc
import Plugins
import Testing
import XDPFrame

/// Programs out of plugins, honest and hostile.
@Suite struct PluginProgramTests {
  @Test func aProgramReachesEveryOctetAndBorderOfAPacketInThreePages() throws {
    let bench = try Bench()
    let program = try PluginProgram(
      try Plugin(path: try BuiltPlugin.worker.get()), arguments: "3")
    var burst = try bench.burst([9_000, 60, 9_000, 3_520, 9_000])
    program.run(&burst)
    #expect(burst.given == Array(repeating: .transmit, count: 5))
    #expect(program.faultCount == 0)
    for position in [0, 2, 4] {
      #expect(burst[position].byteCount == 9_000 + 4 - 1_400)
      #expect(burst[position].metadataByteCount == 8)
      #expect(burst[position].fragmentCount == 1)
    }
    bench.end(&burst)
    bench.expectAllHome()
  }

  @Test func aProgramThatDoesNotTakeFragmentsNeverSeesThem() throws {
    let bench = try Bench()
    let path = try BuiltPlugin.path(
      "Tests/Plugins/worker.c", as: "worker-linear", flags: ["-DFLAGS=0"])
    let program = try PluginProgram(try Plugin(path: path), arguments: "2")
    #expect(!program.acceptsFragments)
    for lengths in [[9_000, 60, 60, 9_000, 60, 9_000], [9_000], [60, 9_000], [60, 60]] {
      var burst = try bench.burst(lengths)
      program.run(&burst)
      #expect(burst.given == lengths.map { $0 == 9_000 ? .aborted : .pass })
      bench.end(&burst)
    }
    bench.expectAllHome()
  }

  @Test(arguments: ["no_echo.c", "no_echo_swift.swift"])
  func theExamplesOfTheDocumentationWork(source: String) throws {
    let bench = try Bench()
    let name = "doc-" + source.prefix { $0 != "." }
    let path = try BuiltPlugin.path(
      "Examples/Plugins/\(source)", as: name.replacing("-", with: "_"))
    let program = try PluginProgram(try Plugin(path: path))
    var burst = try bench.burst([60, 60, 20])
    unsafe burst[1].data.storeBytes(of: UInt16(7).bigEndian, toByteOffset: 36, as: UInt16.self)
    program.run(&burst)
    #expect(burst.given == [.pass, .drop, .pass])
    bench.end(&burst)
    bench.expectAllHome()
  }

  /// What Tests/Plugins/hostile.c numbers up to 8 is noticed.
  @Test(arguments: 0..<9)
  func aPacketThatThePluginDamagedIsAbortedAndGoesHomeWhole(deed: Int) throws {
    let bench = try Bench()
    let program = try PluginProgram(
      try Plugin(path: try BuiltPlugin.hostile.get()), arguments: "\(deed)")
    for round in 1...3 {
      var burst = try bench.burst([9_000, 60, 60, 9_000, 9_000, 60])
      program.run(&burst)
      #expect(burst.given == [.aborted, .pass, .aborted, .pass, .aborted, .pass])
      #expect(program.faultCount == UInt64(3 * round))
      #expect((0..<6).map { burst[$0].byteCount } == [9_000, 60, 60, 9_000, 9_000, 60])
      bench.end(&burst)
      bench.expectAllHome()
    }
  }

  @Test(arguments: [
    (9, Verdict(rawValue: 5)), (10, Verdict(rawValue: .max)), (11, .redirect), (12, .drop),
    (13, .drop), (14, .drop), (15, .drop), (16, .drop), (17, .drop), (18, .drop), (19, .aborted),
  ])
  func aSenselessRequestIsRefusedAndHurtsNobody(deed: Int, verdict: Verdict) throws {
    let bench = try Bench()
    let program = try PluginProgram(
      try Plugin(path: try BuiltPlugin.hostile.get()), arguments: "\(deed)")
    var burst = try bench.burst([9_000, 60, 60, 9_000])
    // Where another burst left its verdicts.
    burst.setAll(.transmit)
    program.run(&burst)
    #expect(burst.given == [verdict, .pass, verdict, .pass])
    #expect(program.faultCount == 0)
    bench.end(&burst)
    bench.expectAllHome()
  }

  @Test func aStateEndsWithItsProgram() throws {
    let path = try BuiltPlugin.path("Tests/Plugins/worker.c", as: "worker-lifetime")
    // Safe: the object exports two counters of that type.
    let image = unsafe dlopen(path, RTLD_NOW)
    func counter(_ name: String) -> Int32? { unsafe dlsym(image, name)?.load(as: Int32.self) }
    let plugin = try Plugin(path: path)
    var programs = [try PluginProgram(plugin), try PluginProgram(plugin)]
    #expect(counter("worker_inits") == 2)
    #expect(counter("worker_finis") == 0)
    programs.removeLast()
    #expect(counter("worker_finis") == 1)
    programs.removeLast()
    #expect(counter("worker_finis") == 2)
  }
}
