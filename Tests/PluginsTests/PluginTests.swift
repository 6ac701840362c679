// SPDX-License-Identifier: Apache-2.0

import CPluginABI
import Glibc
import Plugins
import Testing
import XDPFrame

/// What is loaded, and what is refused with which words.
@Suite struct PluginTests {
  /// Tests/Plugins/refused.c numbers its defects; 0 has none.
  static let defects: [(Int, PluginError.Reason)] = [
    (1, .noFunction("xdpf_plugin_entry")),
    (2, .declined(hostVersion: 1)),
    (3, .wrongVersion(8, hostVersion: 1)),
    (4, .wrongSize(table: "xdpf_plugin", 24, allowed: 32...32)),
    (5, .wrongSize(table: "xdpf_plugin", 40, allowed: 32...32)),
    (6, .wrongSize(table: "xdpf_program", 24, allowed: 32...32)),
    (7, .wrongSize(table: "xdpf_program", 40, allowed: 32...32)),
    (8, .missing("xdpf_plugin.name")),
    (9, .missing("xdpf_program.init")),
    (10, .missing("xdpf_program.run_burst")),
    (11, .missing("xdpf_program.fini")),
    (12, .invalid(field: "xdpf_program.flags", 0x80, allowed: "of flags that exist")),
    (13, .lacks("program")),
    (14, .initRefused(-ENODEV)),
    (16, .invalid(field: "xdpf_memory_model.kind", 3, allowed: "4...65535")),
    (17, .wrongSize(table: "xdpf_memory_model", 56, allowed: 48...48)),
    (18, .missing("xdpf_memory_model.recycle")),
  ]

  @Test(arguments: defects)
  func aPluginWithADefectIsRefusedWithTheReason(
    defect: Int, reason: PluginError.Reason
  ) throws {
    let path = try refused(defect)
    let error = #expect(throws: PluginError.self) {
      _ = try PluginProgram(try Plugin(path: path))
    }
    #expect(error?.reason == reason)
    #expect(error?.path == path)
    #expect(error?.description.hasPrefix("plugin \(path): ") == true)
  }

  @Test func theSamePluginWithoutADefectIsLoaded() throws {
    let plugin = try Plugin(path: try refused(0))
    #expect(plugin.name == "refused")
    #expect(try PluginProgram(plugin).acceptsFragments)
  }

  @Test func aMissingSymbolIsFoundBeforeTheFirstPacket() throws {
    let path = try refused(15)
    let error = #expect(throws: PluginError.self) { _ = try Plugin(path: path) }
    #expect(error?.description.contains("nobody_has_this") == true, "\(error as Any)")
  }

  @Test func whatIsNoSharedObjectIsRefused() throws {
    let text = "\(BuiltPlugin.root)/README.md"
    let error = #expect(throws: PluginError.self) { _ = try Plugin(path: text) }
    guard case .notLoadable = error?.reason else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(throws: PluginError.self) { _ = try Plugin(path: "/no/such/plugin.so") }
    let folder = #expect(throws: PluginError.self) { _ = try Plugin(path: BuiltPlugin.root) }
    #expect(folder?.reason == .notAFile)
  }

  @Test func whatOthersMayWriteIsNotRun() throws {
    let path = try BuiltPlugin.path(
      "Tests/Plugins/refused.c", as: "writable", flags: ["-DDEFECT=0"])
    #expect(unsafe chmod(path, 0o757) == 0)
    let error = #expect(throws: PluginError.self) { _ = try Plugin(path: path) }
    #expect(error?.reason == .writableByOthers)
  }

  /// Size and every offset: what other languages rely on.
  @Test func aBuffOfCLiesAsOurs() throws {
    unsafe #expect(MemoryLayout<xdpf_buff>.size == MemoryLayout<Buff>.size)
    unsafe #expect(MemoryLayout<xdpf_buff>.stride == MemoryLayout<Buff>.stride)
    unsafe #expect(MemoryLayout<xdpf_buff>.alignment == MemoryLayout<Buff>.alignment)
    #expect(MemoryLayout<xdpf_target>.size == MemoryLayout<RedirectTarget>.size)
    let bench = try Bench()
    var burst = try bench.burst([9_000])
    let target = RedirectTarget(map: 0x1234, key: 0x5678_9ABC, onMiss: .pass)
    burst[0].target = target
    try burst[0].adjustMetadata(by: -12)
    let raw = unsafe UnsafeRawPointer(burst.packets)
    func at<Value>(
      _ field: KeyPath<xdpf_buff, Value>, as type: Value.Type = Value.self
    ) throws
      -> Value
    {
      let offset = unsafe try #require(MemoryLayout<xdpf_buff>.offset(of: field))
      return unsafe raw.load(fromByteOffset: offset, as: Value.self)
    }
    let packet = unsafe (
      burst[0].data, burst[0].dataEnd, burst[0].data - 12, burst[0].hardStart
    )
    unsafe #expect(UInt(bitPattern: unsafe try at(\.data)) == UInt(bitPattern: packet.0))
    unsafe #expect(UInt(bitPattern: unsafe try at(\.data_end)) == UInt(bitPattern: packet.1))
    unsafe #expect(UInt(bitPattern: unsafe try at(\.data_meta)) == UInt(bitPattern: packet.2))
    unsafe #expect(UInt(bitPattern: unsafe try at(\.hard_start)) == UInt(bitPattern: packet.3))
    let queue = unsafe try at(\.queue)
    unsafe #expect(queue.pointee.port == burst[0].queue.port)
    unsafe #expect(queue.pointee.queue == burst[0].queue.queue)
    unsafe #expect(try at(\.target.map) == target.map)
    unsafe #expect(try at(\.target.flags) == target.flags.rawValue)
    unsafe #expect(try at(\.target.key) == target.key)
    unsafe #expect(try at(\.frame_size) == burst[0].frameByteCount)
    unsafe #expect(try at(\.flags) == burst[0].flags.rawValue)
    bench.end(&burst)
    bench.expectAllHome()
  }

  @Test func theNumbersOfTheHeaderAreOurs() {
    #expect(XDPF_ABORTED == Verdict.aborted.rawValue)
    #expect(XDPF_DROP == Verdict.drop.rawValue)
    #expect(XDPF_PASS == Verdict.pass.rawValue)
    #expect(XDPF_TX == Verdict.transmit.rawValue)
    #expect(XDPF_REDIRECT == Verdict.redirect.rawValue)
    #expect(XDPF_BUFF_HAS_FRAGMENTS == PacketFlags.hasFragments.rawValue)
    #expect(XDPF_BUFF_UNREADABLE_FRAGMENTS == PacketFlags.unreadableFragments.rawValue)
    #expect(Int(XDPF_BURST) == Limits.budget)
    #expect(Int(XDPF_FRAGMENTS) == Limits.fragments)
    #expect(XDPF_MEMORY_FIRST_KIND == UInt32(MemoryKind.firstPlugin.rawValue))
  }

  private func refused(_ defect: Int) throws -> String {
    try BuiltPlugin.path(
      "Tests/Plugins/refused.c", as: "refused-\(defect)", flags: ["-DDEFECT=\(defect)"])
  }
}
