// SPDX-License-Identifier: Apache-2.0

import Fuzzer
import Wire

// Every parser of packets, on one packet.
unsafe feed { octets, count in
  WireFuzz.everything(unsafe input(octets, count).span.bytes)
  return 0
}
