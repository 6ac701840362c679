// SPDX-License-Identifier: Apache-2.0

import EBPF
import Fuzzer

// An object file: read whole, and each of its programs linked.
unsafe feed { octets, count in
  guard let object = try? Object(unsafe input(octets, count)) else { return 0 }
  for program in object.programs { _ = try? object.link(program.name) }
  return 0
}
