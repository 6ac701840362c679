// SPDX-License-Identifier: Apache-2.0
#include "machine.h"
#include "peers.h"
#include "programs.h"

typedef uint32_t program(const uint8_t *p, const uint8_t *end);

static uint32_t drop(const uint8_t *p, const uint8_t *end) {
  (void)p, (void)end;
  return program_drop();
}
static uint32_t parse(const uint8_t *p, const uint8_t *end) { return program_parse(p, end); }
static uint32_t checksum(const uint8_t *p, const uint8_t *end) { return program_checksum(p, end, 1500); }

uint64_t peer_program(const char *name, const void *packet, uint32_t octets, uint32_t verdict, uint64_t count) {
  // Called as a program is: through a pointer that the compiler cannot see through.
  program *volatile choice = name[0] == 'd' ? drop : name[0] == 'p' ? parse : checksum;
  program *run = choice;
  uint64_t wrong = 0, start = now();
  for (uint64_t i = 0; i < count; i++) wrong |= run(packet, (const uint8_t *)packet + octets) ^ verdict;
  return wrong ? 0 : now() - start;
}
