// SPDX-License-Identifier: Apache-2.0

internal import CLibBPF
internal import CLinux
internal import Syscalls

/// A program's attachment to one interface, which ends with this value, or with the process.
///
/// Nobody else can replace or detach it with `ip link`, so packets never stop coming unnoticed; it can be detached
/// by force through the link itself, which ``interfaceIndex()`` shows.
///
/// Source: `bpf_xdp_link`, `net/core/dev.c`.
struct ProgramLink: ~Copyable {
  private let descriptor: FileDescriptor
  /// Whether the program runs in the driver.
  let isNative: Bool

  /// Attaches a program.
  ///
  /// - Parameters:
  ///   - program: The program.
  ///   - interfaceIndex: Of the calling thread's network namespace.
  ///   - attachment: Where the program is to run. Where the choice is left to us and the driver cannot, generically.
  /// - Throws: The driver's no, another program's presence, a lack of rights.
  init(
    _ program: RawDescriptor, interfaceIndex: UInt32, attachment: AFXDPOptions.Attachment
  ) throws(SystemCallError) {
    if attachment != .generic {
      do throws(SystemCallError) {
        descriptor = try ProgramLink.create(program, interfaceIndex, XDP_FLAGS_DRV_MODE)
        isNative = true
        return
      } catch {
        // A generic program after a refusal for lack of rights, or beside another program, would hide the reason.
        let isDriversNo = [.notSupported, .outOfRange, .invalidArgument].contains(error.errno)
        guard attachment == .automatic, isDriversNo else { throw error }
      }
    }
    descriptor = try ProgramLink.create(program, interfaceIndex, XDP_FLAGS_SKB_MODE)
    isNative = false
  }

  private static func create(
    _ program: RawDescriptor, _ interfaceIndex: UInt32, _ mode: UInt32
  ) throws(SystemCallError) -> FileDescriptor {
    var options = unsafe bpf_link_create_opts()
    unsafe options.sz = MemoryLayout<bpf_link_create_opts>.size
    unsafe options.flags = mode
    let link = unsafe bpf_link_create(program, Int32(interfaceIndex), BPF_XDP, &options)
    guard link >= 0 else {
      throw SystemCallError("bpf BPF_LINK_CREATE", errno: Errno(rawValue: link))
    }
    return FileDescriptor(owning: link)
  }

  /// The interface that the program is attached to; 0 when it was detached by force or the interface is gone.
  borrowing func interfaceIndex() -> UInt32 {
    var information = bpf_link_info()
    var byteCount = UInt32(MemoryLayout<bpf_link_info>.size)
    // Safe: the kernel writes at most the octets it is told.
    let result = unsafe bpf_obj_get_info_by_fd(descriptor.raw, &information, &byteCount)
    return result == 0 ? information.xdp.ifindex : 0
  }
}
