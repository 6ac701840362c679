// SPDX-License-Identifier: Apache-2.0
//
// SPSCRing in C: the same layout, the same 32-bit indices, the same checks of the other side's index.
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct spsc_ring {
  _Alignas(64) _Atomic uint32_t producer;
  uint32_t cached_consumer;
  _Alignas(64) _Atomic uint32_t consumer;
  uint32_t cached_producer;
  _Alignas(64) uint32_t limit;
  uint32_t mask;
  _Alignas(64) uint64_t slots[];
};

static inline struct spsc_ring *spsc_new(uint32_t capacity) {
  size_t byte_count = sizeof(struct spsc_ring) + capacity * sizeof(uint64_t);
  struct spsc_ring *ring = aligned_alloc(64, byte_count);
  memset(ring, 0, byte_count);
  ring->limit = capacity;
  ring->mask = capacity - 1;
  return ring;
}

static inline uint32_t spsc_free(struct spsc_ring *ring, uint32_t index, uint32_t wanted) {
  uint32_t limit = ring->limit, noted = limit - (index - ring->cached_consumer);
  if (noted >= wanted) return noted;
  uint32_t consumed = atomic_load_explicit(&ring->consumer, memory_order_acquire);
  if (index - consumed > limit) return 0;
  ring->cached_consumer = consumed;
  return limit - (index - consumed);
}

static inline uint32_t spsc_used(struct spsc_ring *ring, uint32_t index, uint32_t wanted) {
  uint32_t noted = ring->cached_producer - index;
  if (noted >= wanted) return noted;
  uint32_t produced = atomic_load_explicit(&ring->producer, memory_order_acquire);
  if (produced - index > ring->limit) return 0;
  ring->cached_producer = produced;
  return produced - index;
}

// One contiguous run: up to 8 slots in overlapping steps of a constant length, more in a loop that clang vectorises. Of
// memcpy, a plain loop, and steps throughout, none was faster at any burst.
static inline void spsc_copy(uint64_t *restrict to, const uint64_t *restrict from, uint32_t count) {
  if (count > 8) {
    for (uint32_t i = 0; i < count; i++) to[i] = from[i];
  } else if (count == 8) {
    memcpy(to, from, 64);
  } else if (count >= 4) {
    memcpy(to, from, 32);
    memcpy(to + count - 4, from + count - 4, 32);
  } else if (count >= 2) {
    memcpy(to, from, 16);
    memcpy(to + count - 2, from + count - 2, 16);
  } else {
    *to = *from;
  }
}

static inline uint32_t spsc_produce(struct spsc_ring *ring, const uint64_t *source, uint32_t count) {
  uint32_t index = atomic_load_explicit(&ring->producer, memory_order_relaxed);
  uint32_t free_slots = spsc_free(ring, index, count), granted = free_slots < count ? free_slots : count;
  if (!granted) return 0;
  uint32_t at = index & ring->mask, to_end = ring->mask + 1 - at, head = to_end < granted ? to_end : granted;
  spsc_copy(ring->slots + at, source, head);
  if (head < granted) spsc_copy(ring->slots, source + head, granted - head);
  atomic_store_explicit(&ring->producer, index + granted, memory_order_release);
  return granted;
}

static inline uint32_t spsc_consume(struct spsc_ring *ring, uint64_t *destination, uint32_t count) {
  uint32_t index = atomic_load_explicit(&ring->consumer, memory_order_relaxed);
  uint32_t used = spsc_used(ring, index, count), taken = used < count ? used : count;
  if (!taken) return 0;
  uint32_t at = index & ring->mask, to_end = ring->mask + 1 - at, head = to_end < taken ? to_end : taken;
  spsc_copy(destination, ring->slots + at, head);
  if (head < taken) spsc_copy(destination + head, ring->slots, taken - head);
  atomic_store_explicit(&ring->consumer, index + taken, memory_order_release);
  return taken;
}

static inline int spsc_produce_one(struct spsc_ring *ring, uint64_t slot) {
  uint32_t index = atomic_load_explicit(&ring->producer, memory_order_relaxed);
  if (!spsc_free(ring, index, 1)) return 0;
  ring->slots[index & ring->mask] = slot;
  atomic_store_explicit(&ring->producer, index + 1, memory_order_release);
  return 1;
}

static inline int spsc_consume_one(struct spsc_ring *ring, uint64_t *slot) {
  uint32_t index = atomic_load_explicit(&ring->consumer, memory_order_relaxed);
  if (!spsc_used(ring, index, 1)) return 0;
  *slot = ring->slots[index & ring->mask];
  atomic_store_explicit(&ring->consumer, index + 1, memory_order_release);
  return 1;
}
