// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
public import Syscalls

/// Serves one text to whoever fetches it by HTTP: what a Prometheus scrapes.
///
/// Driven by ``poll(timeout:text:)`` from one thread, which it never makes wait for a peer: a slow one has five
/// seconds to ask and five to take the answer, and there are sixteen places.
public final class ScrapeEndpoint {
  /// The most peers at a time; more wait in the kernel's queue.
  static let connectionLimit = 16
  /// The longest that a peer may take to ask, and to take the answer, in nanoseconds.
  private let patience: UInt64
  private let listener: Socket
  private let epoll: Epoll
  private let file: SocketFile?
  private var peers: [UInt64: ScrapePeer] = [:]
  private var nextToken: UInt64 = 1

  private static let listenerToken: UInt64 = 0

  /// Opens the address.
  ///
  /// - Parameters:
  ///   - address: Where.
  ///   - patience: The longest that a peer may take to ask, and to take the answer.
  /// - Throws: `Errno.addressInUse` where somebody else answers there.
  public init(
    _ address: ScrapeAddress, patience: Duration = .seconds(5)
  ) throws(SystemCallError) {
    self.patience = UInt64(patience.nanoseconds)
    epoll = try Epoll()
    switch address {
    case .unix(let path):
      listener = try Socket(.unix, .stream)
      try SocketFile.removeStale(path)
      try listener.bind(path: path, permissions: 0o666)
      file = SocketFile(path)
    case .ipv4(let port):
      listener = try Socket(.ipv4, .stream)
      file = nil
      try Self.allowReuse(listener)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      try listener.bind(address, "127.0.0.1:\(port)")
    case .ipv6(let port):
      listener = try Socket(.ipv6, .stream)
      file = nil
      try Self.allowReuse(listener)
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      try listener.bind(address, "[::1]:\(port)")
    }
    try listener.listen(backlog: 16)
    try epoll.add(listener.raw, for: .readable, token: Self.listenerToken)
  }

  deinit { file?.remove() }

  /// A restart must not wait until the kernel has forgotten the connections of the daemon before.
  private static func allowReuse(_ socket: borrowing Socket) throws(SystemCallError) {
    try socket.setOption("SO_REUSEADDR", level: SOL_SOCKET, SO_REUSEADDR, Int32(1))
  }

  /// The peers connected.
  public var connectionCount: Int { peers.count }

  /// Serves whoever has something to say, once.
  ///
  /// - Parameters:
  ///   - timeout: The longest to wait for that.
  ///   - text: Makes the text; called once for each request.
  /// - Throws: What the kernel says about the waiting itself; trouble with a peer only ends that peer.
  public func poll(timeout: Duration, text: () -> String) throws(SystemCallError) {
    for event in try epoll.wait(timeout: timeout) {
      if event.token == Self.listenerToken {
        accept()
      } else if let peer = peers[event.token] {
        peer.serve(text)
        watch(peer, event.token)
      }
    }
    let now = MonotonicClock.now
    for (token, peer) in peers where now &- peer.since > patience { close(token) }
  }

  private func accept() {
    // At the limit the listener is not asked: whoever waits there is served when a place is free.
    while peers.count < Self.connectionLimit, let socket = try? listener.accept() {
      let token = nextToken
      nextToken += 1
      let peer = ScrapePeer(socket)
      guard (try? epoll.add(peer.socket.raw, for: .readable, token: token)) != nil else { continue }
      peers[token] = peer
    }
    listen(peers.count < Self.connectionLimit)
  }

  private func listen(_ isOpen: Bool) {
    try? epoll.modify(listener.raw, for: isOpen ? .readable : [], token: Self.listenerToken)
  }

  private func watch(_ peer: ScrapePeer, _ token: UInt64) {
    guard !peer.isFinished else { return close(token) }
    let interest: PollEvents = peer.isAnswering ? .writable : .readable
    if (try? epoll.modify(peer.socket.raw, for: interest, token: token)) == nil { close(token) }
  }

  private func close(_ token: UInt64) {
    peers[token] = nil
    listen(true)
  }
}
