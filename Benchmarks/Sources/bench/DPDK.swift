// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The peers in DPDK, `Benchmarks/DPDK/dpdk.c`, in this process, so that windows of ours and theirs can take turns.
@safe
struct DPDK {
  private let library: UnsafeMutableRawPointer

  /// Loads the peers and starts DPDK on a CPU.
  ///
  /// - Throws: A sentence that says what is missing.
  init(path: String, cpu: UInt32) throws(Missing) {
    guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      throw Missing(description: unsafe String(cString: dlerror()))
    }
    unsafe self.library = library
    typealias Start = @convention(c) (UInt32, CInt) -> UnsafePointer<CChar>?
    let hasHugePages: CInt = DPDK.freeHugePages >= 96 ? 1 : 0
    if hasHugePages == 0 {
      print(
        "dpdk: no huge pages, so its mbufs alias in the cache: the peer is slower than it can be")
    }
    if let reason = unsafe function("dpdk_start", Start.self)(cpu, hasHugePages) {
      throw Missing(description: unsafe String(cString: reason))
    }
  }

  func ringSameThread(_ burst: UInt32, _ count: UInt64) -> UInt64 {
    function("dpdk_ring_same_thread", Burst.self)(burst, count)
  }

  func ringTwoThreads(_ burst: UInt32, _ count: UInt64, _ producer: UInt32) -> UInt64 {
    function("dpdk_ring_two_threads", Across.self)(burst, count, producer)
  }

  func pool(_ burst: UInt32, _ count: UInt64) -> UInt64 {
    function("dpdk_pool", Burst.self)(burst, count)
  }

  func frame(_ burst: UInt32, _ count: UInt64) -> UInt64 {
    function("dpdk_frame", Burst.self)(burst, count)
  }

  func jumbo(_ count: UInt64) -> UInt64 {
    typealias Jumbo = @convention(c) (UInt64) -> UInt64
    return function("dpdk_jumbo", Jumbo.self)(count)
  }

  func crossThreadReturn(_ burst: UInt32, _ count: UInt64, _ cpu: UInt32) -> UInt64 {
    function("dpdk_cross_thread_return", Across.self)(burst, count, cpu)
  }

  func pipeline(_ workers: Int, _ count: UInt64, _ cpus: [UInt32]) -> UInt64 {
    unsafe function("dpdk_pipeline", Workers.self)(UInt32(workers), count, cpus)
  }

  private typealias Burst = @convention(c) (UInt32, UInt64) -> UInt64
  private typealias Across = @convention(c) (UInt32, UInt64, UInt32) -> UInt64
  private typealias Workers = @convention(c) (UInt32, UInt64, UnsafePointer<UInt32>) -> UInt64

  /// That it is there, and has this type, is between this file and dpdk.c.
  private func function<Function>(_ name: String, _ type: Function.Type) -> Function {
    guard let address = unsafe dlsym(library, name) else {
      preconditionFailure("dpdk.c has no \(name).")
    }
    return unsafe unsafeBitCast(address, to: type)
  }

  private static var freeHugePages: Int {
    guard let file = unsafe fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r")
    else { return 0 }
    defer { unsafe _ = fclose(file) }
    var count: CInt = 0
    return unsafe withUnsafeMutablePointer(to: &count) { pointer in
      unsafe withVaList([pointer]) { unsafe vfscanf(file, "%d", $0) }
    } == 1 ? Int(count) : 0
  }

  struct Missing: Error, CustomStringConvertible {
    let description: String
  }
}
