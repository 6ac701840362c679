// SPDX-License-Identifier: Apache-2.0
//
// What the eBPF benchmarks run, compiled twice from here: natively for the peer, and for the machine (Programs/).
#pragma once
#include <stdint.h>

enum { ABORTED = 0, DROP = 1, PASS = 2, TRANSMIT = 3 };

static inline __attribute__((always_inline)) uint32_t program_drop(void) { return DROP; }

/// Finds the UDP port behind Ethernet and IPv4, with every check that a packet from outside needs.
static inline __attribute__((always_inline)) uint32_t program_parse(const uint8_t *p, const uint8_t *end) {
  if (p + 14 > end) return ABORTED;
  if (p[12] != 8 || p[13] != 0) return PASS;
  const uint8_t *ip = p + 14;
  if (ip + 20 > end) return ABORTED;
  uint32_t words = ip[0] & 15;
  if (ip[0] >> 4 != 4 || words < 5) return DROP;
  if (ip[9] != 17) return PASS;
  if ((ip[6] & 0x3f) != 0 || ip[7] != 0) return DROP;
  const uint8_t *udp = ip + words * 4;
  if (udp + 8 > end) return ABORTED;
  uint32_t port = (uint32_t)udp[2] << 8 | udp[3];
  return port == 9 ? DROP : port == 53 ? TRANSMIT : PASS;
}

/// Adds up the 16-bit words of a packet, at most `limit` octets, as Internet checksums do.
static inline __attribute__((always_inline)) uint32_t program_checksum(const uint8_t *p, const uint8_t *end,
                                                                       uint32_t limit) {
  uint32_t sum = 0;
#pragma clang loop unroll(disable) vectorize(disable)
  for (uint32_t i = 0; i < limit; i += 2) {
    if (p + i + 2 > end) break;
    sum += *(const uint16_t *)(p + i);
  }
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0x1234 ? DROP : PASS;
}
