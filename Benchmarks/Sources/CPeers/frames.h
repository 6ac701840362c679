// SPDX-License-Identifier: Apache-2.0
//
// The hub and the page pool in C: the same lines, the same words in them, the same checks and the same ledger.
#pragma once
#include "machine.h"
#include "spsc_ring.h"
#include <stdbool.h>
#include <stddef.h>

enum { BUDGET = 64, CACHE = 128, REFILL = 64, HEADROOM = 256, PAGE = 4096, SHARED_INFO = 320, FRAGMENTS = 17 };
enum { HAS_FRAGMENTS = 1, BESIDE = 0x8000 };
enum { OWNER_FREE = 0, OWNER_RECEIVE = 2, OWNER_WORKER = 3, OWNER_RING = 4 };

#define SPAN (16ull << 30)
#define ARENA_OFFSET (8ull << 30)

struct descriptor {
  uint32_t data, byte_count;
  uint8_t metadata, hops;
  uint16_t flags;
  uint32_t frame_byte_count;
  uint16_t kind, id;
  uint32_t generation, owner, users;
  uint16_t queue, reason;
  uint32_t hash, shared_info, head;
  uint64_t time, cookie;
};

struct buff {
  char *packet, *packet_end, *metadata_start, *hard_start;
  char *queue;
  uint16_t map, miss;
  uint32_t key;
  uint32_t frame_byte_count, flags;
};

struct fragment {
  uint64_t slot;
  uint32_t byte_count, offset;
};

struct shared_info {
  uint8_t flags, metadata, count, transmit;
  uint16_t size, segments;
  uint64_t list, stamps;
  uint32_t type, key;
  uint64_t reference;
  uint32_t byte_count, true_byte_count;
  struct fragment fragments[FRAGMENTS];
};

struct pool {
  uint32_t owner, poisons;
  _Alignas(64) uint32_t cached;
  uint64_t fast, slow, high_order, empty, refill;
  _Alignas(64) uint64_t recycled, cache_full;
  _Alignas(64) uint64_t cache[CACHE];
  _Alignas(64) _Atomic uint64_t through_ring, ring_full, doubly_freed;
  _Alignas(64) _Atomic uint32_t lock;
  char *base;
  struct spsc_ring *ring;
};

/// What a frame finds home by.
struct gate {
  void (*recycle)(struct pool *pool, struct descriptor **descriptors, int count);
  struct pool *pool;
};

struct arena {
  char *base;
  struct pool *pool;
};

extern __thread uint32_t peer_context;
struct arena arena_new(uint32_t pages);
void arena_free(struct arena arena);
int pool_allocate_piecemeal(struct pool *pool, struct descriptor **out, int count);
void pool_recycle(struct pool *pool, struct descriptor **descriptors, int count);
void home_fragments(struct descriptor *head, struct descriptor **home, int *count);

static inline char *base_of(const void *address) { return (char *)((uintptr_t)address & ~(SPAN - 1)); }
static inline struct gate *gate_of(char *base, uint16_t id) {
  return (struct gate *)(base + (4ull << 30) + ((uint64_t)id << 4));
}
static inline uint32_t index_of(const struct descriptor *d) { return (uint32_t)(uintptr_t)d >> 6; }
static inline char *hard_start_of(struct descriptor *d) {
  return base_of(d) + ARENA_OFFSET + (((uintptr_t)d & 0xFFFFFFFF) << 5);
}
static inline struct descriptor *descriptor_at(char *base, uint32_t index) {
  return (struct descriptor *)(base + ((uint64_t)index << 6));
}
static inline struct descriptor *descriptor_holding(const void *address) {
  return descriptor_at(base_of(address), (uint32_t)((uintptr_t)address & 0xFFFFFFFF) >> 11);
}
static inline struct shared_info *shared_info_of(struct descriptor *d) {
  return (struct shared_info *)(base_of(d) + ((uint64_t)d->shared_info << 3));
}

static inline void pool_take(struct pool *pool, int left, struct descriptor **out, int count) {
  char *base = pool->base;
  if (pool->poisons) abort();
  for (int i = 0; i < count; i++) {
    struct descriptor *d = (struct descriptor *)(base + pool->cache[left + i]);
    d->owner = OWNER_RECEIVE;
    out[i] = d;
  }
  pool->cached = (uint32_t)left;
}

static inline int pool_allocate(struct pool *pool, struct descriptor **out, int count) {
  int left = (int)pool->cached - count;
  if (left < 0) return pool_allocate_piecemeal(pool, out, count);
  pool_take(pool, left, out, count);
  pool->fast += (uint64_t)count;
  return count;
}

static inline void home_flush(struct descriptor **home, int count) {
  uint16_t id = home[0]->id;
  for (int i = 1; i < count; i++)
    if (home[i]->id != id) abort();
  struct gate *gate = gate_of(base_of(home[0]), id);
  gate->recycle(gate->pool, home, count);
}

static inline void bulk_recycle(struct descriptor **frames, int count, uint16_t reason) {
  struct descriptor *home[2 * (BUDGET + 1 + FRAGMENTS)];
  int filled = 0;
  if (count == 0) return;
  for (int i = 0; i < count; i++) {
    struct descriptor *d = frames[i];
    d->reason = reason;
    if (d->flags & HAS_FRAGMENTS) home_fragments(d, home, &filled);
    home[filled++] = d;
    if (filled >= BUDGET) home_flush(home, filled), filled = 0;
  }
  if (filled) home_flush(home, filled);
}

static inline void buff_init(struct buff *b, struct descriptor *d, char *queue, int headroom, int byte_count) {
  b->hard_start = hard_start_of(d);
  b->packet = b->hard_start + headroom;
  b->packet_end = b->packet + byte_count;
  b->metadata_start = b->packet;
  b->queue = queue;
  b->map = b->miss = 0;
  b->key = 0;
  b->frame_byte_count = d->frame_byte_count;
  b->flags = d->flags & BESIDE;
}

static inline bool buff_may_rest(const struct buff *b) {
  const char *hard_end = b->hard_start + b->frame_byte_count - (b->flags & BESIDE ? 0 : SHARED_INFO);
  ptrdiff_t metadata = b->packet - b->metadata_start;
  return b->packet_end <= hard_end && (b->packet - b->hard_start) - (metadata > 0 ? metadata : 0) >= 40;
}

static inline struct descriptor *buff_describe(const struct buff *b) {
  struct descriptor *d = descriptor_holding(b->hard_start);
  ptrdiff_t metadata = b->packet - b->metadata_start;
  d->data = (uint32_t)(uintptr_t)b->packet;
  d->byte_count = (uint32_t)(b->packet_end - b->packet);
  d->metadata = (uint8_t)(metadata > 0 ? metadata : 0);
  d->flags = (uint16_t)b->flags;
  d->queue = *(uint16_t *)(b->queue + 20);
  return d;
}

static inline void buff_from_frame(struct buff *b, struct descriptor *d) {
  char *base = base_of(d);
  b->hard_start = hard_start_of(d);
  b->packet = base + ARENA_OFFSET + d->data;
  b->packet_end = b->packet + d->byte_count;
  b->metadata_start = b->packet - d->metadata;
  b->queue = base + (128u << 20) + ((uint64_t)d->queue << 6);
  b->map = b->miss = 0;
  b->key = 0;
  b->frame_byte_count = d->frame_byte_count;
  b->flags = d->flags;
}
