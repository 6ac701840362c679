// SPDX-License-Identifier: Apache-2.0

import CPluginABI

/// Drops UDP to port 7, passes everything else.
func verdict(_ buff: UnsafePointer<xdpf_buff>) -> UInt32 {
  guard let port = xdpf_at(buff, 36, 2) else { return XDPF_PASS }
  return port[0] == 0 && port[1] == 7 ? XDPF_DROP : XDPF_PASS
}

// The tables live as long as the plugin, which is until the process ends.
nonisolated(unsafe) let program = UnsafeMutablePointer<xdpf_program>.allocate(capacity: 1)
nonisolated(unsafe) let plugin = UnsafeMutablePointer<xdpf_plugin>.allocate(capacity: 1)

/// What the host calls first.
@c @implementation
public func xdpf_plugin_entry(_ hostVersion: UInt32) -> UnsafePointer<xdpf_plugin>? {
  program.initialize(
    to: xdpf_program(
      struct_size: UInt32(MemoryLayout<xdpf_program>.size), flags: XDPF_PROGRAM_FRAGMENTS,
      init: { _, _, _ in 0 },
      run_burst: { _, buffs, count, verdicts in
        for position in 0..<Int(count) { verdicts[position] = verdict(buffs + position) }
      },
      fini: { _ in }))
  let name: StaticString = "no-echo"
  plugin.initialize(
    to: xdpf_plugin(
      abi_version: XDPF_ABI_VERSION, struct_size: UInt32(MemoryLayout<xdpf_plugin>.size),
      name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
      program: UnsafePointer(program), memory_model: nil))
  return UnsafePointer(plugin)
}
