// SPDX-License-Identifier: Apache-2.0

import CLibURing
public import Syscalls

// Registering saves the kernel, on each operation, the look-up of a file or the pinning of a buffer's pages. The
// registered stays so until it is unregistered or the ring dies. One registration of each kind per ring.
extension Ring {
  /// Registers buffers for `ReadFixed` and `WriteFixed`, by their position in the list.
  ///
  /// The corresponding C function is `io_uring_register_buffers`.
  ///
  /// - Parameter buffers: Each at most 1 GiB; their memory outlives the registration.
  /// - Throws: `Errno.resourceBusy` if some are registered, `.noMemory` over the limit on locked memory.
  public func registerBuffers(
    _ buffers: [UnsafeMutableRawBufferPointer]
  ) throws(SystemCallError) {
    // Safe: the kernel copies the list during the call.
    let list = unsafe buffers.map { unsafe iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
    try uring("io_uring_register BUFFERS") {
      unsafe io_uring_register_buffers(base, list, UInt32(list.count))
    }
  }

  /// Takes the registration of all buffers back.
  ///
  /// The corresponding C function is `io_uring_unregister_buffers`.
  public func unregisterBuffers() throws(SystemCallError) {
    try uring("io_uring_register UNREGISTER_BUFFERS") {
      unsafe io_uring_unregister_buffers(base)
    }
  }

  /// Registers files for operations with the flag `registeredFile`, by their position in the list.
  ///
  /// The kernel holds the files itself: the descriptors may be closed afterwards.
  ///
  /// The corresponding C function is `io_uring_register_files`.
  public func registerFiles(_ files: [RawDescriptor]) throws(SystemCallError) {
    // Safe: the kernel copies the list during the call.
    try uring("io_uring_register FILES") {
      unsafe io_uring_register_files(base, files, UInt32(files.count))
    }
  }

  /// Takes the registration of all files back.
  ///
  /// The corresponding C function is `io_uring_unregister_files`.
  public func unregisterFiles() throws(SystemCallError) {
    try uring("io_uring_register UNREGISTER_FILES") { unsafe io_uring_unregister_files(base) }
  }

  /// Registers the ring itself with its owner, which saves a look-up on each entry into the kernel.
  ///
  /// To be called by the thread that owns the ring, and only if it lives as long as the ring.
  ///
  /// The corresponding C function is `io_uring_register_ring_fd`.
  public func registerWithOwner() throws(SystemCallError) {
    try uring("io_uring_register RING_FDS") { unsafe io_uring_register_ring_fd(base) }
  }
}
