// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Time, chance, numbers and loops.
///
/// Source: `kernel/bpf/helpers.c`, `kernel/bpf/bpf_iter.c`, `net/core/filter.c`.
enum PlainHelpers {
  /// `BPF_MAX_LOOPS`.
  private static let maximumLoops: UInt32 = 8 << 20
  /// Ticks per second of `bpf_jiffies64()`, as most distributions build their kernels.
  private static let ticksPerSecond: UInt64 = 250

  // Safe: the functions follow arguments only through the context's memory.
  static func register(in table: inout HelperTable) {
    registerClocks(in: &table)
    unsafe table[7] = { _, _, _, _, _, context in PlainHelpers.random(unsafe RunContext(context)) }
    unsafe table[8] = { _, _, _, _, _, context in
      UInt64(unsafe RunContext(context).processor)
    }
    unsafe table[42] = { _, _, _, _, _, _ in 0 }
    unsafe table[28] = { from, fromCount, to, toCount, seed, context in
      unsafe PlainHelpers.checksumDifference(
        from, fromCount, to, toCount, seed, RunContext(context))
    }
    unsafe table[181] = { count, function, argument, flags, _, context in
      PlainHelpers.loop(count, function, argument, flags, unsafe RunContext(context))
    }
    unsafe table[93] = { lock, _, _, _, _, context in
      PlainHelpers.acquire(lock, unsafe RunContext(context))
    }
    unsafe table[94] = { lock, _, _, _, _, context in
      let context = unsafe RunContext(context)
      return context.memory.store32(lock, 0) ? 0 : context.refuse(lock)
    }
    // Memory of the kernel, which there is none of: what the kernel answers for an address that faults.
    for number in [4, 112, 113] {
      unsafe table[number] = { target, count, _, _, _, context in
        unsafe PlainHelpers.readNothing(target, count, RunContext(context))
      }
    }
  }

  private static func registerClocks(in table: inout HelperTable) {
    unsafe table[5] = { _, _, _, _, _, _ in Surroundings.time { clinux_now() } }
    unsafe table[118] = { _, _, _, _, _, _ in
      Surroundings.time { clinux_now() } / (1_000_000_000 / PlainHelpers.ticksPerSecond)
    }
    unsafe table[125] = { _, _, _, _, _, _ in PlainHelpers.nanoseconds(CLOCK_BOOTTIME) }
    unsafe table[160] = { _, _, _, _, _, _ in PlainHelpers.nanoseconds(CLOCK_MONOTONIC_COARSE) }
    unsafe table[208] = { _, _, _, _, _, _ in PlainHelpers.nanoseconds(CLOCK_TAI) }
  }

  private static func nanoseconds(_ clock: Int32) -> UInt64 {
    Surroundings.time {
      var time = timespec()
      unsafe clock_gettime(clock, &time)
      return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
  }

  /// Xorshift: fast, and as unpredictable as the kernel promises, not at all.
  private static func random(_ context: RunContext) -> UInt64 {
    context.withRunner { runner in
      var state = unsafe runner.notes.pointee.random
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      unsafe runner.notes.pointee.random = state
      return state >> 32
    }
  }

  private static func loop(
    _ count: UInt64, _ function: UInt64, _ argument: UInt64, _ flags: UInt64,
    _ context: RunContext
  ) -> UInt64 {
    let count = UInt32(truncatingIfNeeded: count)
    guard flags == 0 else { return answer(Answer.invalid) }
    // The kernel's verifier writes the loop out where it can, and then answers 32 bits.
    guard count <= maximumLoops else { return UInt64(UInt32(bitPattern: Answer.tooBig)) }
    var index: UInt32 = 0
    while index < count {
      guard context.spend(1) else { return 0 }
      guard let result = context.call(function, (UInt64(index), argument, 0, 0)) else { return 0 }
      index &+= 1
      if result != 0 { break }
    }
    return UInt64(index)
  }

  /// A lock that is never freed costs whoever waits for it the rest of its fuel, and nobody else.
  private static func acquire(_ lock: UInt64, _ context: RunContext) -> UInt64 {
    guard lock & 3 == 0 else { return context.refuse(lock) }
    while true {
      let found = unsafe clinux_guarded_compare_exchange32(context.memory.address(lock), 0, 1)
      guard found.failed == 0 else { return context.refuse(lock) }
      if found.value == 0 || !context.spend(1) { return 0 }
      clinux_pause()
    }
  }

  private static func readNothing(
    _ target: UInt64, _ count: UInt64, _ context: RunContext
  ) -> UInt64 {
    let count = UInt64(UInt32(truncatingIfNeeded: count))
    guard context.spend(octets: Int(count)) else { return 0 }
    for at in 0..<count {
      guard context.memory.store8(target &+ at, 0) else { return context.refuse(target) }
    }
    return answer(Answer.fault)
  }

  // MARK: Checksums

  /// Source: `bpf_csum_diff()`, `net/core/filter.c`: the sum of `to` less that of `from`, folded to 16 bits.
  private static func checksumDifference(
    _ from: UInt64, _ fromCount: UInt64, _ to: UInt64, _ toCount: UInt64, _ seed: UInt64,
    _ context: RunContext
  ) -> UInt64 {
    let fromCount = UInt32(truncatingIfNeeded: fromCount)
    let toCount = UInt32(truncatingIfNeeded: toCount)
    guard (fromCount | toCount) & 3 == 0, max(fromCount, toCount) <= 0xffff else {
      return answer(Answer.invalid)
    }
    guard context.spend(octets: Int(fromCount + toCount)) else { return 0 }
    var result = UInt32(truncatingIfNeeded: seed)
    if toCount > 0 {
      guard let sum = sum(to, toCount, result, context) else { return context.refuse(to) }
      result = sum
    }
    if fromCount > 0 {
      let start = toCount > 0 ? 0 : ~result
      guard let sum = sum(from, fromCount, start, context) else { return context.refuse(from) }
      result = toCount > 0 ? added(result, ~sum) : ~sum
    }
    return UInt64(result &+ (result >> 16 | result << 16)) >> 16 & 0xffff
  }

  private static func sum(
    _ offset: UInt64, _ count: UInt32, _ seed: UInt32, _ context: RunContext
  ) -> UInt32? {
    var sum = UInt64(seed)
    for at in stride(from: 0, to: UInt64(count), by: 4) {
      guard let word = context.memory.load32(offset &+ at) else { return nil }
      sum &+= UInt64(word)
    }
    return added(UInt32(truncatingIfNeeded: sum), UInt32(truncatingIfNeeded: sum >> 32))
  }

  private static func added(_ first: UInt32, _ second: UInt32) -> UInt32 {
    let (sum, carries) = first.addingReportingOverflow(second)
    return carries ? sum &+ 1 : sum
  }
}
