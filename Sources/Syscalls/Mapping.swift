// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A range of address space that this value owns; its `deinit` unmaps all of it.
///
/// Whoever keeps an address into it keeps the mapping alive. Any thread may use it.
@frozen
@safe
public struct Mapping: ~Copyable, @unchecked Sendable {
  // Safe to send: the address range is a constant, and what lies in it is the user's to synchronise.

  /// The first octet; aligned to a page, or to more where that was asked for.
  public let baseAddress: UnsafeMutableRawPointer
  /// The length of the range in octets.
  public let byteCount: Int

  /// Takes ownership of a range that nobody else will unmap.
  @inlinable
  public init(owning baseAddress: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.baseAddress = baseAddress
    self.byteCount = byteCount
  }

  deinit {
    // A failure would mean that the range was not ours: nothing sensible can be done about it here.
    unsafe _ = munmap(baseAddress, byteCount)
  }

  /// The whole range.
  @inlinable
  public var bytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: baseAddress, count: byteCount)
  }
}

extension Mapping {
  /// What may be done with the octets of a mapping.
  public struct Protection: OptionSet, Sendable {
    /// The bits of `mmap`'s `prot`.
    public let rawValue: Int32
    /// Takes the bits of `mmap`'s `prot`.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `PROT_READ`.
    public static let read = Protection(rawValue: PROT_READ)
    /// `PROT_WRITE`.
    public static let write = Protection(rawValue: PROT_WRITE)
    /// `PROT_EXEC`.
    public static let execute = Protection(rawValue: PROT_EXEC)
    /// `PROT_READ | PROT_WRITE`.
    public static let readWrite: Protection = [.read, .write]
    /// `PROT_NONE`.
    public static let none: Protection = []
  }

  /// Which pages are to carry a mapping or a file.
  public enum Pages: Sendable {
    /// Those of the processor, 4 KiB here.
    case normal
    /// Huge pages where the system has some to spare, else the processor's own, advised to become huge.
    case hugeIfAvailable
    /// Huge pages, or the call fails.
    case huge
  }

  /// The octets of a page.
  public static var pageByteCount: Int { sysconf(Int32(_SC_PAGESIZE)) }

  /// The octets of a huge page of the system's default kind; 2 MiB where the kernel does not say.
  public static var hugePageByteCount: Int {
    let fallback = 2 << 20
    guard let text = TextFile.contents("/proc/meminfo"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Hugepagesize:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return fallback }
    return kibibytes << 10
  }
}
