// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

extension Outcomes {
  /// Redirecting a packet more often than this is a loop, `redirect_loop`.
  static var hopLimit: UInt8 { 4 }

  /// Hands each map its frames, in order, then acts on those it has no entry for.
  ///
  /// Source: `xdp_do_redirect()` and `xdp_do_flush()`, `net/core/filter.c`.
  mutating func flushRedirects() {
    countHops()
    while redirects.count > 0 {
      let flags = takeGroup(nextMap)
      let isMap: Void? = routes.maps.reader.with(Int(unsafe group.targets[0].map)) { reference in
        if !flags.subtracting(reference.kind.knownFlags).isEmpty { abortUnknown(reference.kind) }
        if group.count > 0 { reference.map.redirect(&group, tally: tally) }
      }
      if !group.refused.isEmpty { group.refused.recycle() }
      if group.count > 0 { actOnMisses(isMap: isMap != nil) }
    }
  }

  /// Ends packets that go in circles.
  private mutating func countHops() {
    let isFirst = port != nil
    var left = 0
    for position in 0..<redirects.count {
      let descriptor = unsafe redirects.descriptors[position]
      let hops = isFirst ? 1 : descriptor.hopCount &+ 1
      descriptor.hopCount = hops
      if hops > Outcomes.hopLimit {
        fail(Frame(owning: descriptor), .redirectLoop)
      } else {
        unsafe redirects.descriptors[left] = descriptor
        unsafe redirects.targets[left] = redirects.targets[position]
        left &+= 1
      }
    }
    redirects.truncate(to: left)
  }

  /// The map to be served next: of several one with ports first, otherwise the first frame's.
  private var nextMap: UInt16 {
    var next = unsafe redirects.targets[0].map
    for position in 1..<redirects.count where unsafe redirects.targets[position].map != next {
      let other = unsafe redirects.targets[position].map
      if rank(other) < rank(next) { next = other }
    }
    return next
  }

  private func rank(_ map: UInt16) -> UInt8 {
    routes.maps.reader.with(Int(map)) { $0.kind.rawValue } ?? .max
  }

  /// Moves the frames of a map into `group`, keeping the order of both.
  ///
  /// - Returns: The flags that any of them has.
  private mutating func takeGroup(_ map: UInt16) -> RedirectFlags {
    var flags: RedirectFlags = []
    var left = 0
    for position in 0..<redirects.count {
      let target = unsafe redirects.targets[position]
      let descriptor = unsafe redirects.descriptors[position]
      if target.map == map {
        flags.formUnion(target.flags)
        group.append(Frame(owning: descriptor), to: target)
      } else {
        unsafe redirects.descriptors[left] = descriptor
        unsafe redirects.targets[left] = target
        left &+= 1
      }
    }
    redirects.truncate(to: left)
    return flags
  }

  /// Aborts the frames of the group whose flags such a map does not know.
  ///
  /// Source: `__bpf_xdp_redirect_map()`, `include/linux/filter.h`.
  @inline(never)
  private mutating func abortUnknown(_ kind: RedirectKind) {
    var left = 0
    for position in 0..<group.count {
      let target = unsafe group.targets[position]
      let descriptor = unsafe group.descriptors[position]
      if target.flags.isSubset(of: kind.knownFlags) {
        unsafe group.descriptors[left] = descriptor
        unsafe group.targets[left] = target
        left &+= 1
      } else {
        abort(Frame(owning: descriptor))
      }
    }
    group.truncate(to: left)
  }

  /// Gives frames whose key does not exist the verdict they asked for in that case; where there is no map, none.
  ///
  /// Source: `__bpf_xdp_redirect_map()`, `include/linux/filter.h`: the low two flag bits are the verdict.
  private mutating func actOnMisses(isMap: Bool) {
    for position in 0..<group.count {
      let frame = Frame(owning: unsafe group.descriptors[position])
      switch isMap ? unsafe group.targets[position].flags.miss : .drop {
      case .pass: passes.append(frame)
      case .transmit: transmits.append(frame)
      case .drop: fail(frame, .noEntry)
      default: abort(frame)
      }
    }
    group.truncate(to: 0)
  }
}
