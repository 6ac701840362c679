// SPDX-License-Identifier: Apache-2.0

import CLinux

extension CPUSet {
  private static let directory = "/sys/devices/system/cpu"

  /// The processors that run now; those that the calling thread may use where the kernel does not say.
  public static var online: CPUSet {
    TextFile.contents("\(directory)/online").flatMap { CPUSet($0) } ?? allowed
  }

  /// The processors that the scheduler keeps free of other work (`isolcpus`).
  public static var isolated: CPUSet {
    TextFile.contents("\(directory)/isolated").flatMap { CPUSet($0) } ?? []
  }

  /// The processors that the calling thread may run on.
  ///
  /// The corresponding C function is `sched_getaffinity`.
  public static var allowed: CPUSet {
    var set = CPUSet()
    // Safe: the kernel writes at most the octets that the array has.
    let result = unsafe set.words.withUnsafeMutableBytes {
      unsafe sched_getaffinity(0, $0.count, $0.baseAddress?.assumingMemoryBound(to: cpu_set_t.self))
    }
    return result == 0 ? set : []
  }

  /// The set as C has it, and its octets.
  func withMask(_ body: (UnsafePointer<cpu_set_t>, Int) -> Int32) -> Int32 {
    // Safe: both are masks of 64-bit words with one bit per processor, and the array has as many.
    unsafe words.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return -1 }
      return unsafe body(start.assumingMemoryBound(to: cpu_set_t.self), bytes.count)
    }
  }

  /// The processors that share a core with this one, itself among them.
  public static func siblings(of processor: Int) -> CPUSet {
    let path = "\(directory)/cpu\(processor)/topology/thread_siblings_list"
    return TextFile.contents(path).flatMap { CPUSet($0) } ?? [processor]
  }

  /// One processor of each core in this set, the lowest, so that two workers never share a core.
  public var onePerCore: CPUSet {
    var result = CPUSet()
    var taken = CPUSet()
    for processor in processors where !taken.contains(processor) {
      result.insert(processor)
      for sibling in CPUSet.siblings(of: processor).processors { taken.insert(sibling) }
    }
    return result
  }

  /// The memory node of a processor; 0 where the kernel does not say.
  public static func memoryNode(of processor: Int) -> Int {
    for node in 0..<64 {
      guard let list = TextFile.contents("/sys/devices/system/node/node\(node)/cpulist") else {
        continue
      }
      if CPUSet(list)?.contains(processor) == true { return node }
    }
    return 0
  }

  /// The processor that the calling thread runs on at this moment.
  public static var current: Int { Int(sched_getcpu()) }
}
