// SPDX-License-Identifier: Apache-2.0

internal import CPluginABI
internal import XDPFrame

/// What a host remembers while a plugin works on a burst: the packets as they ought to be.
///
///     host table, 80 octets │ the burst's packets, how many │ 64 × what each ought to be
///
/// The plugin holds the address of the table and passes it to every function of it, which so find the rest.
@safe
struct PluginCall: ~Copyable {
  // Safe: one allocation of this value; `packets` is only used between `begin` and `end`.
  private let memory: UnsafeMutablePointer<Layout>

  /// What lies in front of the packets as they ought to be.
  @safe
  struct Layout {
    // Safe: functions of this process, and packets of the burst that is running.
    var host: xdpf_host
    var packets: UnsafeMutablePointer<xdpf_buff>?
    var count = 0
  }

  init() {
    let rest = unsafe Int(XDPF_BURST) * MemoryLayout<xdpf_buff>.stride
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<Layout>.stride + rest, alignment: 64)
    unsafe self.memory = unsafe memory.initializeMemory(
      as: Layout.self, to: Layout(host: xdpf_host.functions, packets: nil))
  }

  deinit {
    unsafe memory.deallocate()
  }

  /// The table for the plugin.
  var host: UnsafePointer<xdpf_host> {
    unsafe UnsafeRawPointer(memory).assumingMemoryBound(to: xdpf_host.self)
  }

  private var expected: UnsafeMutablePointer<xdpf_buff> { unsafe PluginCall.expected(memory) }

  private static func expected(
    _ memory: UnsafeMutablePointer<Layout>
  ) -> UnsafeMutablePointer<xdpf_buff> {
    unsafe UnsafeMutableRawPointer(memory + 1).assumingMemoryBound(to: xdpf_buff.self)
  }

  /// Notes the packets, and answers them as the plugin sees them.
  func begin(
    _ packets: UnsafeMutablePointer<Buff>, count: Int
  ) -> UnsafeMutablePointer<xdpf_buff> {
    // Safe: the layouts are the same, field by field.
    let buffs = unsafe UnsafeMutableRawPointer(packets).assumingMemoryBound(to: xdpf_buff.self)
    unsafe memory.pointee.packets = unsafe buffs
    unsafe memory.pointee.count = count
    unsafe expected.update(from: buffs, count: count)
    return unsafe buffs
  }

  /// Puts packets back that are not as they ought to be, and aborts them; answers how many.
  func end(_ verdicts: UnsafeMutablePointer<Verdict>) -> Int {
    guard let packets = unsafe memory.pointee.packets else { return 0 }
    let expected = unsafe expected
    let count = unsafe memory.pointee.count
    var damaged = 0
    var position = 0
    while position < count {
      if unsafe !packets[position].hasBorders(of: expected[position]) {
        unsafe packets[position] = unsafe expected[position]
        unsafe verdicts[position] = .aborted
        damaged &+= 1
      }
      position &+= 1
    }
    unsafe memory.pointee.packets = nil
    return damaged
  }
}

extension PluginCall {
  /// Does something to a packet of the burst that is running, for the plugin that was given `host`; nil where the
  /// plugin passes something else, or the packet is not as it ought to be.
  static func with<Result>(
    _ host: UnsafePointer<xdpf_host>, _ buff: UnsafeMutablePointer<xdpf_buff>,
    _ body: (inout Buff) -> Result
  ) -> Result? {
    // Safe: the table is the first thing in the memory of a call.
    let memory = unsafe UnsafeMutableRawPointer(mutating: host).assumingMemoryBound(
      to: Layout.self)
    guard let packets = unsafe memory.pointee.packets else { return nil }
    let distance = UInt(bitPattern: buff) &- UInt(bitPattern: packets)
    let (position, rest) = unsafe distance.quotientAndRemainder(
      dividingBy: UInt(MemoryLayout<xdpf_buff>.stride))
    guard rest == 0, unsafe position < UInt(bitPattern: memory.pointee.count) else { return nil }
    let expected = unsafe PluginCall.expected(memory) + Int(bitPattern: position)
    guard unsafe buff.pointee.hasBorders(of: expected.pointee) else { return nil }
    // Safe: a packet of the burst, as the host left it.
    let packet = unsafe UnsafeMutableRawPointer(buff).assumingMemoryBound(to: Buff.self)
    let result = unsafe body(&packet.pointee)
    unsafe expected.pointee = unsafe buff.pointee
    return result
  }
}

extension xdpf_buff {
  /// Whether everything that a plugin may not write is the same.
  @inline(__always)
  fileprivate func hasBorders(of other: xdpf_buff) -> Bool {
    unsafe data == other.data && data_end == other.data_end && data_meta == other.data_meta
      && hard_start == other.hard_start && queue == other.queue
      && frame_size == other.frame_size && flags == other.flags
  }
}
