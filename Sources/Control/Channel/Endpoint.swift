// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Syscalls

/// The daemon's side of the control socket: JSON-RPC 2.0, one object a line, after a line of hello.
///
/// Driven by ``poll(timeout:handler:)`` from one thread, which it never makes wait for a peer: connections,
/// their buffers and the requests of one turn are bounded, and a slow peer is served at its own pace.
public final class Endpoint {
  /// The most peers at a time.
  public static let connectionLimit = 64
  /// How many of them are kept for root, so that nobody can lock the owner of the machine out.
  public static let reservedConnectionCount = 2
  /// The most requests of one peer in one turn, so that nobody's flood delays the others.
  static let requestsPerTurn = 16

  /// What a socket needs to open for business.
  public struct Options: Sendable {
    /// The path of the socket; at most 107 octets.
    public var path: String
    /// The daemon's name in the hello.
    public var name = "cpumapd"
    /// The daemon's version in the hello.
    public var version: String
    /// Who may connect: those who may write to the socket's file.
    public var permissions: UInt32 = 0o660
    /// The group that may change things, besides root and the daemon's own user.
    public var group: UInt32?
    /// The methods that change nothing; all others need ``Access/readWrite``.
    public var readOnlyMethods: Set<String>

    /// How long a peer may keep the endpoint waiting.
    public var timeLimits = TimeLimits()

    /// Creates options with the usual name and permissions.
    public init(path: String, version: String, readOnlyMethods: Set<String>) {
      self.path = path
      self.version = version
      self.readOnlyMethods = readOnlyMethods
    }
  }

  /// How long a peer may keep the endpoint waiting before it is let go, in nanoseconds.
  public struct TimeLimits: Sendable {
    /// From connecting to the first request, and from a request's first octet to its last.
    public var request: UInt64
    /// Without taking any of the answers that wait for it.
    public var answer: UInt64
    /// Between one request and the next.
    public var silence: UInt64

    /// Creates limits; the defaults are those of the daemon.
    public init(
      request: Duration = .seconds(10), answer: Duration = .seconds(10),
      silence: Duration = .seconds(300)
    ) {
      self.request = UInt64(request.nanoseconds)
      self.answer = UInt64(answer.nanoseconds)
      self.silence = UInt64(silence.nanoseconds)
    }

    /// How often somebody must look: often enough for the shortest, and not oftener than that.
    fileprivate var period: UInt64 { max(min(request, answer, silence) / 4, 1_000_000) }
  }

  /// Takes the answers that come later, from any thread.
  public let answers: Answers
  private let options: Options
  private let listener: Socket
  private let epoll: Epoll
  private let file: SocketFile
  private var connections: [UInt64: Connection] = [:]
  private var nextToken: UInt64 = 1
  /// Peers with requests that the last turn left for the next.
  private var unfinished: Set<UInt64> = []
  /// When to accept again after the process ran out of descriptors; 0 while accepting.
  private var acceptsAgain: UInt64 = 0
  /// When the peers' times were last looked at.
  private var swept = MonotonicClock.now

  private static let listenerToken: UInt64 = 0
  private static let answersToken: UInt64 = .max

  /// Opens the socket.
  ///
  /// A file that is at the path already is replaced if it is a socket on which nobody answers.
  ///
  /// - Throws: `Errno.addressInUse` where somebody does, or where the file is no socket.
  public init(_ options: Options) throws(SystemCallError) {
    self.options = options
    listener = try Socket(.unix, .stream)
    epoll = try Epoll()
    answers = try Answers()
    try SocketFile.removeStale(options.path)
    try listener.bind(path: options.path, permissions: options.permissions)
    file = SocketFile(options.path)
    try listener.listen(backlog: Int32(Self.connectionLimit))
    try epoll.add(listener.raw, for: .readable, token: Self.listenerToken)
    try epoll.add(answers.signal.descriptor.raw, for: .readable, token: Self.answersToken)
  }

  deinit { file.remove() }

  /// The peers connected.
  public var connectionCount: Int { connections.count }

  /// Serves whoever has something to say, once.
  ///
  /// - Parameters:
  ///   - timeout: The longest to wait for that; nil waits for ever, or until a signal.
  ///   - handler: Answers one request; called on this thread, before this function returns. Where it answers nil,
  ///     the peer waits until the request's ticket gets its answer through ``answers``.
  /// - Returns: The number of requests taken.
  /// - Throws: What the kernel says about the waiting itself; trouble with a peer only ends that peer.
  @discardableResult
  public func poll(
    timeout: Duration?, handler: (Request) -> Result<JSON, ControlError>?
  ) throws(SystemCallError) -> Int {
    resumeAccepting()
    // Everybody's events, so that no call is looked at before a farewell that came with it.
    let events = try epoll.wait(
      limit: Self.connectionLimit + 2, timeout: unfinished.isEmpty ? patience(timeout) : .zero)
    var turn = unfinished
    var isCalled = false
    unfinished = []
    for event in events {
      switch event.token {
      case Self.listenerToken: isCalled = true
      case Self.answersToken: turn.formUnion(deliver())
      default:
        turn.insert(event.token)
        take(event)
      }
    }
    let count = turn.reduce(0) { $0 + serve($1, handler) }
    sweep()
    // Those who go make room for those who come, in this order.
    if isCalled { accept() }
    return count
  }

  /// The time to sleep: not beyond the next look at the peers' times.
  private func patience(_ timeout: Duration?) -> Duration? {
    guard !connections.isEmpty else { return timeout }
    let period = Duration.nanoseconds(Int64(clamping: options.timeLimits.period))
    return timeout.map { min($0, period) } ?? period
  }
}

// MARK: - Peers

extension Endpoint {
  private func take(_ event: Epoll.Event) {
    guard let connection = connections[event.token] else { return }
    let isGone = event.events.contains(.error) || event.events.contains(.hangUp)
    if isGone { connection.discardOutput() }
    if isGone || event.events.contains(.readable) { connection.receive() }
  }

  /// Answers a peer's requests, sends what it takes, and lets it go when it is done.
  private func serve(_ token: UInt64, _ handler: (Request) -> Result<JSON, ControlError>?) -> Int {
    guard let connection = connections[token] else { return 0 }
    // Sending first makes the room that the next answer may need.
    connection.flush()
    var count = 0
    while count < Self.requestsPerTurn, let line = connection.nextLine() {
      answer(line, connection, token, handler)
      count += 1
      connection.flush()
    }
    connection.flush()
    if count == Self.requestsPerTurn {
      unfinished.insert(token)
    } else if connection.isFinished {
      close(token)
      return count
    }
    watch(connection, token)
    return count
  }

  private func answer(
    _ line: [UInt8], _ connection: Connection, _ token: UInt64,
    _ handler: (Request) -> Result<JSON, ControlError>?
  ) {
    do throws(Call.Failure) {
      let call = try Call(line: line)
      let ticket = Ticket(connection: token, id: call.id)
      guard let result = dispatch(call, connection.access, ticket, handler) else {
        connection.isWaiting = true
        return
      }
      reply(result, to: call.id, connection)
    } catch {
      connection.send(Call.reply(to: error.id, .failure(error.error)))
    }
  }

  private func reply(
    _ result: Result<JSON, ControlError>, to id: JSON?, _ connection: Connection
  ) {
    guard let id else { return }
    let reply = Call.reply(to: id, result)
    let fits = reply.count <= Connection.longestLine
    let fault = ControlError.internalFault("the answer is longer than max_line")
    connection.send(fits ? reply : Call.reply(to: id, .failure(fault)))
  }

  private func dispatch(
    _ call: Call, _ access: Access, _ ticket: Ticket,
    _ handler: (Request) -> Result<JSON, ControlError>?
  ) -> Result<JSON, ControlError>? {
    guard access == .readWrite || options.readOnlyMethods.contains(call.method) else {
      return .failure(.accessDenied)
    }
    return handler(
      Request(method: call.method, parameters: call.parameters, access: access, ticket: ticket))
  }

  /// Hands over the answers that took longer; returns the peers that may be served again.
  private func deliver() -> [UInt64] {
    answers.take().compactMap { ticket, result in
      guard let connection = connections[ticket.connection], connection.isWaiting else {
        return nil
      }
      connection.isWaiting = false
      reply(result, to: ticket.id, connection)
      return ticket.connection
    }
  }

  /// Lets go of the peers whose time is over.
  private func sweep() {
    let now = MonotonicClock.now
    guard now &- swept >= options.timeLimits.period else { return }
    swept = now
    for (token, connection) in connections where connection.isOverdue(at: now, options.timeLimits) {
      connection.send(Call.reply(to: nil, .failure(.overdue)))
      connection.flush()
      close(token)
    }
  }

  private func watch(_ connection: Connection, _ token: UInt64) {
    let interest = connection.interest
    guard interest != connection.watched else { return }
    do {
      try epoll.modify(connection.socket.raw, for: interest, token: token)
      connection.watched = interest
    } catch {
      close(token)
    }
  }

  private func close(_ token: UInt64) {
    // The kernel drops a closed descriptor from the set by itself; nobody else holds this one.
    connections[token] = nil
    unfinished.remove(token)
  }
}

// MARK: - Accepting

extension Endpoint {
  private func accept() {
    // No more than there are places: who comes when they are taken may find one next turn, when those who have
    // left in the meantime were heard of.
    let places = Self.connectionLimit - connections.count
    for _ in 0..<min(max(places, 1), Self.requestsPerTurn) {
      do {
        guard let socket = try listener.accept() else { return }
        try admit(socket)
      } catch {
        switch error.errno {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace:
          // The peer stays in the kernel's queue and would wake us at once, again and again.
          pauseAccepting()
          return
        default: continue
        }
      }
    }
  }

  private func admit(_ socket: consuming Socket) throws(SystemCallError) {
    let peer = try socket.peerCredentials()
    let access = try access(of: peer, at: socket)
    let connection = Connection(socket, access: access, isRoot: peer.user == 0)
    guard hasPlace(for: connection) else {
      connection.send(Call.reply(to: nil, .failure(.tooManyConnections)))
      connection.flush()
      return
    }
    let token = nextToken
    nextToken += 1
    connection.watched = .readable
    try epoll.add(connection.socket.raw, for: .readable, token: token)
    connections[token] = connection
    let hello = Hello(
      name: options.name, version: options.version, process: Int(getpid()),
      longestLine: Connection.longestLine, access: connection.access)
    connection.send(hello.json.text)
    connection.flush()
    watch(connection, token)
  }

  /// Whether there is room for one more; others than root cannot take the last places.
  private func hasPlace(for connection: Connection) -> Bool {
    if connection.isRoot { return connections.count < Self.connectionLimit }
    let others = connections.values.count { !$0.isRoot }
    return connections.count < Self.connectionLimit
      && others < Self.connectionLimit - Self.reservedConnectionCount
  }

  private func access(
    of peer: Socket.PeerCredentials, at socket: borrowing Socket
  ) throws(SystemCallError) -> Access {
    if peer.user == 0 || peer.user == geteuid() { return .readWrite }
    guard let group = options.group else { return .readOnly }
    if peer.group == group { return .readWrite }
    return try socket.peerGroups().contains(group) ? .readWrite : .readOnly
  }

  private func pauseAccepting() {
    guard (try? epoll.modify(listener.raw, for: [], token: Self.listenerToken)) != nil else {
      return
    }
    acceptsAgain = MonotonicClock.now + 1_000_000_000
  }

  private func resumeAccepting() {
    guard acceptsAgain != 0, MonotonicClock.now >= acceptsAgain else { return }
    acceptsAgain = 0
    try? epoll.modify(listener.raw, for: .readable, token: Self.listenerToken)
  }
}
