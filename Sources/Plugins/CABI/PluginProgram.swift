// SPDX-License-Identifier: Apache-2.0

internal import CPluginABI
internal import Synchronization
public import XDPFrame

/// A program out of a plugin.
///
/// The plugin works on the burst itself, nothing is copied. What it may not change is noted before the call and
/// compared after it: a packet whose borders moved in any other way than by the host's functions is put back as it
/// was, aborted, and counted in ``faultCount``.
///
/// Each has a state of its own in the plugin, and is called by one thread at a time: give every queue and every entry
/// its own. `fini` runs when the last reference goes, so a slot that replaces it has waited for the last burst.
@safe
public final class PluginProgram: Program, @unchecked Sendable {
  // Safe: one thread at a time runs a program; the tables are constants, and the rest this object's own memory.
  private let table: UnsafePointer<xdpf_program>
  private let call: UnsafeMutablePointer<PluginCall>
  private let state: UnsafeMutableRawPointer?
  private let faults = Atomic<UInt64>(0)
  /// The plugin.
  public let plugin: Plugin
  /// Whether it takes packets with fragments; those that it does not take are aborted.
  public let acceptsFragments: Bool

  /// Makes an instance of a plugin's program.
  ///
  /// - Parameters:
  ///   - plugin: Loaded.
  ///   - arguments: The text for the plugin's `init`; a zero octet ends it.
  /// - Throws: ``PluginError`` where the plugin has no program, or its `init` refuses.
  /// - Note: Allocates, once.
  public init(_ plugin: Plugin, arguments: String = "") throws(PluginError) {
    guard let table = unsafe plugin.program else {
      throw PluginError(plugin.path, .lacks("program"))
    }
    let call = UnsafeMutablePointer<PluginCall>.allocate(capacity: 1)
    unsafe call.initialize(to: PluginCall())
    var state: UnsafeMutableRawPointer?
    let code = unsafe table.pointee.`init`(call.pointee.host, arguments, &state)
    guard code == 0 else {
      unsafe call.deinitialize(count: 1)
      unsafe call.deallocate()
      throw PluginError(plugin.path, .initRefused(code))
    }
    unsafe self.table = unsafe table
    unsafe self.call = unsafe call
    unsafe self.state = unsafe state
    self.plugin = plugin
    acceptsFragments = unsafe table.pointee.flags & XDPF_PROGRAM_FRAGMENTS != 0
  }

  deinit {
    unsafe table.pointee.fini(state)
    unsafe call.deinitialize(count: 1)
    unsafe call.deallocate()
  }

  /// Packets aborted because the plugin wrote where it may not; any thread.
  public var faultCount: UInt64 { faults.load(ordering: .relaxed) }

  /// Hands the burst to the plugin, and checks what comes back.
  public func run(_ burst: inout Burst) {
    let count = burst.count
    guard !acceptsFragments else { return run(&burst, 0..<count) }
    // The packets between those that it does not take.
    var start = 0
    for position in 0..<count where burst[position].hasFragments {
      burst.set(.aborted, at: position)
      run(&burst, start..<position)
      start = position &+ 1
    }
    run(&burst, start..<count)
  }

  private func run(_ burst: inout Burst, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let packets = unsafe burst.packets + range.lowerBound
    let verdicts = unsafe burst.verdicts + range.lowerBound
    unsafe verdicts.update(repeating: .aborted, count: range.count)
    let buffs = unsafe call.pointee.begin(packets, count: range.count)
    // Safe: a verdict is its number, and nothing else.
    let numbers = unsafe UnsafeMutableRawPointer(verdicts).assumingMemoryBound(to: UInt32.self)
    unsafe table.pointee.run_burst(state, buffs, UInt32(truncatingIfNeeded: range.count), numbers)
    let damaged = unsafe call.pointee.end(verdicts)
    if damaged > 0 { faults.add(UInt64(damaged), ordering: .relaxed) }
  }
}
