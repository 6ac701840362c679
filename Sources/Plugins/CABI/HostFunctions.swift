// SPDX-License-Identifier: Apache-2.0

internal import CPluginABI
internal import Glibc
internal import XDPFrame

// What a host does for a program: the packet's own functions, with the kernel's error numbers.
//
// Safe: every pointer to a packet is looked up by `PluginCall.with`; lengths and addresses beside it are the plugin's
// word, which it could break without us just as well.
extension xdpf_host {
  /// The table that every program is given.
  static var functions: xdpf_host {
    unsafe xdpf_host(
      abi_version: XDPF_ABI_VERSION,
      struct_size: UInt32(MemoryLayout<xdpf_host>.size),
      adjust_head: { host, buff, octets in
        unsafe PluginCall.change(host, buff) { packet throws(PacketError) in
          try packet.adjustHead(by: Int(octets))
        }
      },
      adjust_tail: { host, buff, octets in
        unsafe PluginCall.change(host, buff) { packet throws(PacketError) in
          try packet.adjustTail(by: Int(octets))
        }
      },
      adjust_meta: { host, buff, octets in
        unsafe PluginCall.change(host, buff) { packet throws(PacketError) in
          try packet.adjustMetadata(by: Int(octets))
        }
      },
      pull_data: { host, buff, octets in
        unsafe PluginCall.change(host, buff) { packet throws(PacketError) in
          try packet.pullData(Int(octets))
        }
      },
      load_bytes: { host, buff, offset, to, length in
        unsafe PluginCall.change(host, buff) { packet throws(PacketError) in
          let room = unsafe UnsafeMutableRawBufferPointer(start: to, count: Int(length))
          try unsafe packet.load(from: Int(offset), into: room)
        }
      },
      store_bytes: { host, buff, offset, from, length in
        unsafe PluginCall.change(host, buff) { packet throws(PacketError) in
          let octets = unsafe UnsafeRawBufferPointer(start: from, count: Int(length))
          try unsafe packet.store(octets, at: Int(offset))
        }
      },
      length: { host, buff in
        unsafe PluginCall.with(host, buff) { UInt32(truncatingIfNeeded: $0.byteCount) } ?? 0
      },
      fragment_count: { host, buff in
        unsafe PluginCall.with(host, buff) { UInt32($0.fragmentCount) } ?? 0
      },
      fragment: { host, buff, position, fragment in
        unsafe PluginCall.with(host, buff) { packet in
          unsafe PluginCall.tell(fragment, about: Int(position), of: packet)
        } ?? -PacketError.outOfBounds.errno
      })
  }

}

extension PluginCall {
  /// Changes a packet and answers as the kernel's helpers do.
  fileprivate static func change(
    _ host: UnsafePointer<xdpf_host>, _ buff: UnsafeMutablePointer<xdpf_buff>,
    _ body: (inout Buff) throws(PacketError) -> Void
  ) -> Int32 {
    unsafe PluginCall.with(host, buff) { packet in
      do throws(PacketError) {
        try body(&packet)
        return 0
      } catch {
        return -error.errno
      }
    } ?? -PacketError.outOfBounds.errno
  }

  fileprivate static func tell(
    _ fragment: UnsafeMutablePointer<xdpf_fragment>, about position: Int, of packet: borrowing Buff
  ) -> Int32 {
    guard position < packet.fragmentCount else { return -ENOENT }
    guard !packet.flags.contains(.unreadableFragments), let part = packet.fragment(at: position)
    else { return -PacketError.unreachable.errno }
    // Safe: `fragment(at:)` has checked that the octets lie inside the buffer.
    let start = unsafe packet.descriptor.buffer(of: part).hardStart + Int(part.offset)
    unsafe fragment.pointee = unsafe xdpf_fragment(
      data: start.assumingMemoryBound(to: UInt8.self), length: part.byteCount, reserved: 0)
    return 0
  }
}
