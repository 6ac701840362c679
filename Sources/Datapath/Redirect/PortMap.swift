// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// Ports by their numbers: what a redirect needs that names a port instead of a key.
///
/// Has every port of its datapath. Redirects to it know no flags, not even a verdict for a miss: a frame for a port that
/// does not exist is dropped as `redirect_no_port`.
///
/// Source: `bpf_xdp_redirect()` and `xdp_do_redirect()`, `net/core/filter.c`, where the number is an interface's index.
public final class PortMap: RedirectMap, Sendable {
  private let ports: DevMap
  private let quiescence: Quiescence

  init(quiescence: Quiescence, directory: PortDirectory, routes: Routes) {
    self.quiescence = quiescence
    ports = DevMap(
      capacity: Routes.portLimit, quiescence: quiescence, directory: directory, routes: routes)
  }

  /// Its entries are ports, and their keys their numbers.
  public var kind: RedirectKind { .port }

  func add(_ port: any Port) {
    let old = ports.publish(port, at: port.number)
    if old != nil { quiescence.wait() }
    withExtendedLifetime(old) {}
  }

  /// Takes a port out; nothing is sent to it when this returns.
  func remove(_ port: any Port) { try? ports.remove(port.number) }

  /// Sends each frame out of its port.
  public func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    ports.redirect(&frames, tally: tally)
    while let (descriptor, _) = frames.popLast() {
      tally.drop(1, .redirectNoPort)
      frames.refuse(Frame(owning: descriptor), .redirectNoPort)
    }
  }
}
