// SPDX-License-Identifier: Apache-2.0

import Control
import Synchronization
import Syscalls

/// The changes that were asked for, first come first served; each peer waits for its own, so there are few.
final class ChangeQueue: Sendable {
  private let state = Mutex(State())
  private let signal: EventFD

  private struct State {
    var requests: [Request] = []
    var isClosed = false
  }

  init() throws(SystemCallError) { signal = try EventFD() }

  func add(_ request: Request) {
    state.withLock { $0.requests.append(request) }
    signal.signal()
  }

  /// Lets whoever waits go, once everything is done.
  func close() {
    state.withLock { $0.isClosed = true }
    signal.signal()
  }

  /// The next change, waiting for one; nil once the queue is closed and empty.
  func next() -> Request? {
    while true {
      let (request, isClosed) = state.withLock { state in
        (state.requests.isEmpty ? nil : state.requests.removeFirst(), state.isClosed)
      }
      if request != nil || isClosed { return request }
      _ = try? Poll.wait(signal.descriptor.raw, for: .readable)
      signal.drain()
    }
  }
}
