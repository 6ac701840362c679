// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// Sanitizer builds leave the executables and their dependencies out: they test the library.
let libraryOnly = Context.environment["XDPFRAME_LIBRARY_ONLY"] == "1"

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

func floor(_ name: String, _ dependencies: [String] = [], path: String? = nil) -> Target {
  .target(
    name: name,
    dependencies: dependencies.map { .byName(name: $0) },
    path: path,
    swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [String]) -> Target {
  .testTarget(
    name: name,
    dependencies: dependencies.map { .byName(name: $0) },
    swiftSettings: swiftSettings)
}

func example(_ name: String, _ dependencies: [String]) -> Target {
  .executableTarget(
    name: "example-\(name)",
    dependencies: dependencies.map { .byName(name: $0) },
    path: "Examples/\(name)",
    swiftSettings: swiftSettings)
}

// Targets stand in the order of the floors: each depends only on targets above it.
var targets: [Target] = [
  // Floor 0: ground. Each is useful alone.
  .target(name: "CPluginABI"),
  .target(name: "CLinux"),
  .systemLibrary(name: "CLibBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
  .systemLibrary(name: "CLibELF", pkgConfig: "libelf", providers: [.apt(["libelf-dev"])]),
  .systemLibrary(name: "CLibURing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
  floor("Syscalls", ["CLinux"]),
  floor("Arena", ["CLinux", "Syscalls"]),
  floor("IOUring", ["CLinux", "CLibURing", "Syscalls"]),
  floor("Rings", ["CLinux"]),
  floor("Metrics", ["CLinux"]),
  floor("Wire", ["CLinux"]),
  floor("EBPF", ["CLinux", "CLibELF", "Syscalls", "Arena", "Rings"]),
  floor("Control", ["CLinux", "Syscalls"]),

  // Floor 1: the hub. The words and the four contracts.
  floor("XDPFrame", ["CLinux", "Arena", "Rings", "Metrics"]),

  // Floor 2: who owns the bytes.
  floor("MemModels", ["CLinux", "Arena", "Rings", "Metrics", "Syscalls", "XDPFrame"]),

  // Floor 3: who decides, who carries.
  floor(
    "Plugins",
    ["CPluginABI", "CLinux", "Arena", "Wire", "Metrics", "Syscalls", "EBPF", "XDPFrame"]),
  floor(
    "Ports",
    [
      "CLinux", "CLibBPF", "Syscalls", "Arena", "IOUring", "Rings", "Metrics", "Wire", "XDPFrame",
      "MemModels",
    ]),

  // Floor 4: the path.
  floor(
    "Datapath", ["CLinux", "Syscalls", "Arena", "IOUring", "Rings", "Metrics", "XDPFrame"]),
]

let library = [
  "CPluginABI", "CLinux", "Syscalls", "Arena", "IOUring", "Rings", "Metrics", "Wire", "EBPF",
  "XDPFrame",
  "MemModels", "Plugins", "Ports", "Datapath",
]

var products: [Product] = [
  .library(
    name: "XDPFrame",
    targets: [
      "CPluginABI", "CLinux", "Arena", "Rings", "Metrics", "Wire", "EBPF", "Syscalls", "IOUring",
      "XDPFrame",
      "MemModels", "Plugins", "Ports", "Datapath",
    ])
]
var dependencies: [Package.Dependency] = []

if !libraryOnly {
  products += [.library(name: "Control", targets: ["Control"])]
  dependencies += [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ]
  targets += [
    // Floor 6: executables wire everything and think nothing.
    .executableTarget(
      name: "cpumapd",
      dependencies: library.map { .byName(name: $0) } + [
        "Control",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "cpumapctl",
      dependencies: [
        "Control", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "xdpframe-bpf",
      dependencies: [
        "CLinux", "Syscalls", "Arena", "Wire", "EBPF", "Control", "XDPFrame", "MemModels",
        "Plugins",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    example("01-pass", library),
    example("02-count-and-drop", library),
    example("03-write-a-program", library),
    example("04-fragments", library),
    example("05-steer-to-cpus", library),
    example("06-plugin-in-c", library),
    example("07-huge-pages", library),
    example("08-unreadable-memory", library),
    example("09-router", library),
  ]
}

if Context.environment["XDPFRAME_DOCS"] == "1" {
  dependencies += [
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")
  ]
}

targets += [
  .target(name: "CTestSupport", path: "Tests/CTestSupport"),
  .target(
    name: "TestSupport", dependencies: (library + ["CTestSupport"]).map { .byName(name: $0) },
    path: "Tests/TestSupport", swiftSettings: swiftSettings),
  tests("SyscallsTests", ["CLinux", "Syscalls", "TestSupport"]),
  tests("ArenaTests", ["CLinux", "Syscalls", "Arena"]),
  tests("IOUringTests", ["CLinux", "CLibURing", "Syscalls", "IOUring", "TestSupport"]),
  tests("RingsTests", ["CLinux", "Rings"]),
  tests("MetricsTests", ["CLinux", "Metrics"]),
  tests("WireTests", ["CLinux", "Wire"]),
  tests("EBPFTests", ["CLinux", "Syscalls", "Arena", "EBPF", "TestSupport"]),
  tests("ControlTests", ["CLinux", "Syscalls", "Control"]),
  tests("XDPFrameTests", library + ["TestSupport"]),
  tests("MemModelsTests", library + ["TestSupport"]),
  tests("PluginsTests", library + ["TestSupport"]),
  tests("PortsTests", library + ["TestSupport"]),
  tests("DatapathTests", library + ["TestSupport"]),
]

if !libraryOnly {
  targets += [
    .target(name: "AllocationCount", path: "Tests/AllocationCount"),
    tests("EndToEndTests", library + ["Control", "TestSupport", "AllocationCount"]),
    tests("DifferentialTests", library + ["CLibBPF", "CTestSupport", "TestSupport"]),
    tests("DaemonTests", library + ["Control", "TestSupport", "cpumapd", "xdpframe-bpf"]),
    tests("ExampleTests", library + ["TestSupport"]),
  ]
}

/// A stage that runs some of the suites builds no others: XDPFRAME_TESTS=RingsTests,DatapathTests.
if let wanted = Context.environment["XDPFRAME_TESTS"]?.split(separator: ",") {
  targets.removeAll { target in target.type == .test && !wanted.contains { $0 == target.name } }
}

let package = Package(
  name: "xdpframe",
  products: products,
  dependencies: dependencies,
  targets: targets)
