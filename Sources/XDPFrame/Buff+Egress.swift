// SPDX-License-Identifier: Apache-2.0

extension Buff {
  /// The number of the port that the packet is about to leave by; nil but in a program of a device map's entry.
  ///
  /// Source: `egress_ifindex` of `struct xdp_md`, `include/uapi/linux/bpf.h`. Such a program cannot redirect, so the
  /// number stands where the redirect's target would.
  @inlinable public var egressPort: UInt32? {
    get { target.map == RedirectTarget.egress ? target.key : nil }
    set {
      target = RedirectTarget(map: newValue == nil ? 0 : RedirectTarget.egress, key: newValue ?? 0)
    }
  }
}

extension RedirectTarget {
  /// Stands for no map: the key is the port that the packet leaves by.
  @inlinable static var egress: UInt16 { .max }
}
