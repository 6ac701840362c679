// SPDX-License-Identifier: Apache-2.0

internal import Syscalls
internal import XDPFrame

/// What a sender in a kernel may leave to whoever reads its packets, beside their octets.
public enum SenderOffload: String, CaseIterable, Sendable {
  /// Nothing: packets come as they would on a wire.
  case none
  /// Checksums, which the port finishes, cheaper than the kernel would.
  case checksum
  /// Cutting a long packet into segments as well.
  ///
  /// Such packets arrive whole, up to 64 KiB, and only a port that hands them to a kernel can send them on.
  case segmentation
}

extension SenderOffload {
  /// Octets of the longest packet that is still to be cut: all that IPv6 can count, its header and the framing.
  static let longestPacket = 65_535 + 40 + InterfaceLimits.framing
}

extension MemoryRegistry {
  /// Registers a queue of a port that copies out of a kernel's memory.
  func registerDeviceQueue(
    port: UInt32, queue: Int, _ model: any MemoryModel
  ) throws(SystemCallError) -> ReceiveQueueInfo {
    do throws(RegistryError) {
      return try registerQueue(
        port: port, queue: UInt32(queue), memory: model.memory,
        fragmentByteCount: UInt32(model.bufferByteCount))
    } catch {
      throw SystemCallError("\(error)", errno: .noMemory)
    }
  }
}
