// SPDX-License-Identifier: Apache-2.0

import Fuzzer
import Wire

// The reader of pcap and pcapng on a file, and the writer of pcapng on a packet that the reader gets back.
unsafe feed { octets, count in
  let octets = unsafe input(octets, count)
  WireFuzz.capture(unsafe octets.span.bytes)
  WireFuzz.captured(unsafe octets.span.bytes)
  return 0
}
