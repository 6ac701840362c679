// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Syscalls

/// Answers on their way back to the endpoint's thread, from whoever worked on them.
public final class Answers: Sendable {
  let signal: EventFD
  private let waiting = Mutex<[(ticket: Ticket, result: Result<JSON, ControlError>)]>([])

  init() throws(SystemCallError) { signal = try EventFD() }

  /// Answers a request; one whose peer has gone meanwhile is answered to nobody.
  ///
  /// Any thread may call it. The endpoint sends the answer when it is next polled, and wakes up for it.
  public func send(_ result: Result<JSON, ControlError>, to ticket: Ticket) {
    waiting.withLock { $0.append((ticket, result)) }
    signal.signal()
  }

  func take() -> [(ticket: Ticket, result: Result<JSON, ControlError>)] {
    signal.drain()
    return waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }
}
