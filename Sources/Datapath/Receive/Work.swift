// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// What a loop or worker works on: its burst, and what becomes of it.
///
/// Lies in raw memory of its own, because a variable of a class is checked for exclusive access at every use.
struct Work: ~Copyable {
  var burst = Burst()
  var outcomes: Outcomes

  init(routes: Routes, tally: Tally, receivedBy port: PortReference?) {
    outcomes = Outcomes(routes: routes, tally: tally, receivedBy: port)
  }
}
