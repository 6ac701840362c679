// SPDX-License-Identifier: Apache-2.0
//
// The receive loop, the CPU map and the workers in C: poll, steer, sort by verdict, group by map and key, queue, and on
// the other side run the entry's program and send the pages home.
#include "frames.h"
#include "peers.h"

enum { DROP = 1, PASS = 2, REDIRECT = 4, ENTRIES = 2, RING = 2048, PAGES = 1536 };

struct burst {
  struct buff packets[BUDGET];
  uint32_t verdicts[BUDGET];
  int count;
};

struct entry {
  struct spsc_ring *ring;
  _Alignas(64) _Atomic uint32_t lock;
  uint64_t offered, enqueued, refused;
  _Alignas(64) _Atomic uint32_t sleeping;
  _Alignas(64) uint64_t processed, dropped;
  _Atomic uint32_t stopping;
  uint32_t key, cpu;
  char *base;
  void (*program)(void *state, struct burst *burst);
  uint64_t octets;
  pthread_t thread;
};

struct target {
  uint16_t map, miss;
  uint32_t key;
};

struct redirects {
  struct descriptor *frames[BUDGET];
  struct target targets[BUDGET];
  uint64_t scratch[BUDGET];
  int count;
};

struct loop {
  struct arena arena;
  struct entry *entries;
  uint32_t workers, seed;
  struct burst burst;
  struct redirects redirects, group;
  uint64_t received, octets, redirected, section;
  void (*program)(void *state, struct burst *burst);
};

static inline uint64_t fold(uint64_t a, uint64_t b) {
  __uint128_t product = (__uint128_t)a * b;
  return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline uint32_t word(const char *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

static inline uint16_t half(const char *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return v;
}

static inline uint32_t flow_hash(const char *p, ptrdiff_t byte_count) {
  uint32_t middle = word(p + 20) & 0xff00ff3f;
  if (byte_count < 38 || (word(p + 12) & 0xffffff) != 0x450008 || (middle != 0x11000000 && middle != 0x06000000)) abort();
  uint64_t source = word(p + 26) | (uint64_t)half(p + 34) << 32, destination = word(p + 30) | (uint64_t)half(p + 36) << 32;
  uint64_t key = 0x6a09e667f3bcc908ull ^ (uint64_t)middle << 32;
  return (uint32_t)fold(fold(source ^ key, destination ^ key), 0xbb67ae8584caa73bull);
}

static __attribute__((noinline)) void steer(void *state, struct burst *burst) {
  uint64_t count = *(uint32_t *)state;
  for (int i = 0; i < burst->count; i++) {
    struct buff *b = &burst->packets[i];
    uint32_t hash = flow_hash(b->packet, b->packet_end - b->packet);
    b->map = 1, b->miss = DROP, b->key = (uint32_t)((hash * count) >> 32);
    burst->verdicts[i] = REDIRECT;
  }
}

static __attribute__((noinline)) void port_nine(void *state, struct burst *burst) {
  uint64_t *octets = state;
  for (int i = 0; i < burst->count; i++) {
    struct buff *b = &burst->packets[i];
    ptrdiff_t byte_count = b->packet_end - b->packet;
    if (byte_count >= 42) *octets += (uint64_t)byte_count * (half(b->packet + 36) == 0x0900);
    burst->verdicts[i] = DROP;
  }
}

static inline void receive(struct loop *loop) {
  struct descriptor *pages[BUDGET];
  int taken = pool_allocate(loop->arena.pool, pages, BUDGET);
  char *queue = loop->arena.base + (128u << 20) + 64;
  for (int i = 0; i < taken; i++) {
    buff_init(&loop->burst.packets[i], pages[i], queue, HEADROOM, 64);
    peer_write_header(loop->burst.packets[i].packet, &loop->seed);
  }
  loop->burst.count = taken;
}

static inline void enqueue(struct loop *loop, struct entry *entry, int count) {
  uint32_t free = 0;
  while (!atomic_compare_exchange_strong_explicit(&entry->lock, &free, 1, memory_order_acquire, memory_order_relaxed))
    free = 0, spin_pause();
  uint32_t taken = spsc_produce(entry->ring, loop->group.scratch, (uint32_t)count);
  entry->offered += (uint64_t)count, entry->enqueued += taken;
  if ((int)taken < count) abort();
  atomic_store_explicit(&entry->lock, 0, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&entry->sleeping, memory_order_relaxed)) abort();
}

static inline void redirect(struct loop *loop) {
  struct redirects *group = &loop->group;
  while (group->count > 0) {
    uint32_t key = group->targets[0].key;
    struct entry *entry = &loop->entries[key];
    int taken = 0, left = 0;
    for (int i = 0; i < group->count; i++) {
      struct descriptor *d = group->frames[i];
      if (group->targets[i].key == key) {
        d->owner = OWNER_RING | entry->key << 8;
        group->scratch[taken++] = (uint64_t)d->generation << 32 | index_of(d);
      } else {
        group->frames[left] = d;
        group->targets[left++] = group->targets[i];
      }
    }
    group->count = left;
    enqueue(loop, entry, taken);
    loop->redirected += (uint64_t)taken;
  }
}

static inline void flush_redirects(struct loop *loop) {
  struct redirects *all = &loop->redirects, *group = &loop->group;
  for (int i = 0; i < all->count; i++) all->frames[i]->hops = 1;
  while (all->count > 0) {
    uint16_t map = all->targets[0].map;
    int left = 0;
    for (int i = 0; i < all->count; i++) {
      if (all->targets[i].map == map) {
        group->frames[group->count] = all->frames[i];
        group->targets[group->count++] = all->targets[i];
      } else {
        all->frames[left] = all->frames[i];
        all->targets[left++] = all->targets[i];
      }
    }
    all->count = left;
    redirect(loop);
  }
}

static inline int poll(struct loop *loop) {
  struct burst *burst = &loop->burst;
  receive(loop);
  if (burst->count == 0) return 0;
  uint64_t octets = 0;
  for (int i = 0; i < burst->count; i++) octets += (uint64_t)(burst->packets[i].packet_end - burst->packets[i].packet);
  loop->received += (uint64_t)burst->count, loop->octets += octets;
  loop->program(&loop->workers, burst);
  for (int i = 0; i < burst->count; i++) {
    struct buff *b = &burst->packets[i];
    if (burst->verdicts[i] != REDIRECT || !buff_may_rest(b)) abort();
    int n = loop->redirects.count++;
    loop->redirects.frames[n] = buff_describe(b);
    loop->redirects.targets[n] = (struct target){b->map, b->miss, b->key};
  }
  flush_redirects(loop);
  int count = burst->count;
  burst->count = 0;
  return count;
}

static void *work(void *argument) {
  struct entry *entry = argument;
  peer_context = 2 + entry->key;
  pin(entry->cpu);
  struct burst *burst = aligned_alloc(64, (sizeof *burst + 63) & ~63ul);
  struct descriptor *drops[BUDGET];
  uint64_t slots[BUDGET];
  for (;;) {
    bool stopping = atomic_load_explicit(&entry->stopping, memory_order_acquire);
    uint32_t count = spsc_consume(entry->ring, slots, BUDGET);
    if (count == 0) {
      if (stopping) break;
      spin_pause();
      continue;
    }
    for (uint32_t i = 0; i < count; i++) __builtin_prefetch(entry->base + ((slots[i] & 0xFFFFFFFF) << 6), 1, 3);
    burst->count = 0;
    for (uint32_t i = 0; i < count; i++) {
      struct descriptor *d = descriptor_at(entry->base, (uint32_t)slots[i]);
      if (d->generation != slots[i] >> 32) continue;
      d->owner = OWNER_WORKER | entry->key << 8;
      __builtin_prefetch(entry->base + ARENA_OFFSET + d->data, 0, 3);
      buff_from_frame(&burst->packets[burst->count++], d);
    }
    entry->program(&entry->octets, burst);
    int dropped = 0;
    for (int i = 0; i < burst->count; i++) {
      if (burst->verdicts[i] != DROP) abort();
      struct descriptor *d = descriptor_holding(burst->packets[i].hard_start);
      d->flags = (uint16_t)burst->packets[i].flags;
      drops[dropped++] = d;
    }
    entry->processed += count, entry->dropped += (uint64_t)dropped;
    bulk_recycle(drops, dropped, 0);
  }
  free(burst);
  return 0;
}

uint64_t peer_pipeline(uint32_t workers, uint64_t count, const uint32_t *cpus) {
  peer_context = 1;
  struct loop *loop = aligned_alloc(64, (sizeof *loop + 63) & ~63ul);
  memset(loop, 0, sizeof *loop);
  loop->arena = arena_new(PAGES);
  loop->entries = aligned_alloc(64, ENTRIES * sizeof *loop->entries);
  memset(loop->entries, 0, ENTRIES * sizeof *loop->entries);
  loop->workers = workers, loop->seed = 1, loop->program = steer;
  for (uint32_t i = 0; i < workers; i++) {
    struct entry *entry = &loop->entries[i];
    entry->ring = spsc_new(RING), entry->key = i, entry->cpu = cpus[i], entry->base = loop->arena.base;
    entry->program = port_nine;
    pthread_create(&entry->thread, 0, work, entry);
  }
  uint64_t started = now();
  while (loop->received < count)
    if (poll(loop) == 0) spin_pause();
  uint64_t processed = 0;
  for (uint32_t i = 0; i < workers; i++) {
    atomic_store_explicit(&loop->entries[i].stopping, 1, memory_order_release);
    pthread_join(loop->entries[i].thread, 0);
    processed += loop->entries[i].processed;
    free(loop->entries[i].ring);
  }
  uint64_t elapsed = now() - started, received = loop->received;
  elapsed = processed == received ? (uint64_t)((double)elapsed * (double)count / (double)received) : 0;
  arena_free(loop->arena);
  free(loop->entries);
  free(loop);
  return elapsed;
}
