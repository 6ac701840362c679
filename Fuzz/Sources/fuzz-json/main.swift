// SPDX-License-Identifier: Apache-2.0

import Control
import Fuzzer

// A line of the control socket: what can be read can be written, and reads the same again.
unsafe feed { octets, count in
  guard let json = try? JSON(parsing: unsafe input(octets, count)) else { return 0 }
  let again = try? JSON(parsing: json.text)
  precondition(again == json, "What was written reads as something else.")
  return 0
}
