// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, so that nobody who uses the library builds its benchmarks or their peers.
let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "xdpframe", path: "..")],
  targets: [
    // The same algorithms in C. SwiftPM compiles them with the clang of the Swift toolchain: -O2 -fPIC.
    .target(name: "CPeers", cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "bench",
      dependencies: ["CPeers", .product(name: "XDPFrame", package: "xdpframe")],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
      ]),
  ])
