// SPDX-License-Identifier: Apache-2.0
#include "../Sources/CPeers/include/programs.h"
#include <linux/bpf.h>

#define PROGRAM(name, call)                                                            \
  __attribute__((section("xdp"), used)) int name(struct xdp_md *context) {             \
    const uint8_t *p = (const uint8_t *)(uintptr_t)context->data;                      \
    const uint8_t *end = (const uint8_t *)(uintptr_t)context->data_end;                \
    (void)p, (void)end;                                                                \
    return call;                                                                       \
  }

PROGRAM(drop, program_drop())
PROGRAM(parse, program_parse(p, end))
PROGRAM(checksum, program_checksum(p, end, 1500))

// Maps defined by number, as no type information is compiled in.
struct definition {
  unsigned int type, key_octets, value_octets, entries, flags;
};
__attribute__((section("maps"), used)) struct definition array = {BPF_MAP_TYPE_ARRAY, 4, 8, 256, 0};
__attribute__((section("maps"), used)) struct definition hash = {BPF_MAP_TYPE_HASH, 4, 8, 1000, 0};
__attribute__((section("maps"), used)) struct definition recent = {BPF_MAP_TYPE_LRU_HASH, 4, 8, 1000, 0};

static void *(*lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*update)(void *map, const void *key, const void *value, uint64_t flags) = (void *)BPF_FUNC_map_update_elem;

// What programs do most: find something and count it.
static inline __attribute__((always_inline)) int count(void *map, const uint8_t *p, const uint8_t *end) {
  if (p + 64 > end) return XDP_DROP;
  uint32_t key = p[29];
  uint64_t *value = lookup(map, &key);
  if (!value) return XDP_ABORTED;
  *value += 1;
  return XDP_PASS;
}

static inline __attribute__((always_inline)) int learn(void *map, const uint8_t *p, const uint8_t *end) {
  if (p + 64 > end) return XDP_DROP;
  uint32_t key = p[29];
  uint64_t value = 1;
  return update(map, &key, &value, 0) ? XDP_ABORTED : XDP_PASS;
}

PROGRAM(count_array, count(&array, p, end))
PROGRAM(count_hash, count(&hash, p, end))
PROGRAM(count_recent, count(&recent, p, end))
PROGRAM(update_hash, learn(&hash, p, end))
