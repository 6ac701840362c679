// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, because everything that it builds is instrumented: see scripts/fuzz.
let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// One entry of the fuzzer: what it feeds is named, not how.
func entry(_ name: String, _ products: [String] = ["XDPFrame"]) -> Target {
  .executableTarget(
    name: "fuzz-\(name)",
    dependencies: ["Fuzzer"] + products.map { .product(name: $0, package: "xdpframe") },
    swiftSettings: swiftSettings)
}

let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "xdpframe", path: "..")],
  targets: [
    .target(name: "CFuzzer"),
    .target(name: "Fuzzer", dependencies: ["CFuzzer"], swiftSettings: swiftSettings),
    entry("wire"), entry("capture"), entry("json", ["Control"]), entry("object"), entry("program"),
  ])
