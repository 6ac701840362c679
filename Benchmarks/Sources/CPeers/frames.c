// SPDX-License-Identifier: Apache-2.0
#include "frames.h"
#include "peers.h"
#include <sys/mman.h>

__thread uint32_t peer_context;

static void lock(struct pool *pool) {
  uint32_t free = 0;
  while (!atomic_compare_exchange_strong_explicit(&pool->lock, &free, peer_context, memory_order_acquire,
                                                  memory_order_relaxed)) {
    free = 0;
    spin_pause();
  }
}

static void unlock(struct pool *pool) { atomic_store_explicit(&pool->lock, 0, memory_order_release); }

struct arena arena_new(uint32_t pages) {
  char *wide = mmap(0, 2 * SPAN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  char *base = (char *)(((uintptr_t)wide + SPAN - 1) & ~(SPAN - 1));
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, both = PROT_READ | PROT_WRITE;
  mmap(base, 512u << 20, both, flags, -1, 0);
  mmap(base + (4ull << 30), 1u << 20, both, flags, -1, 0);
  mmap(base + ARENA_OFFSET, (2u << 20) + (size_t)pages * PAGE, both, flags | MAP_POPULATE, -1, 0);
  struct pool *pool = (struct pool *)(base + (256u << 20));
  pool->base = base;
  pool->owner = peer_context;
  pool->ring = spsc_new(4096);
  for (uint32_t i = 0; i < pages; i++) {
    struct descriptor *d = descriptor_at(base, 1024 + 2 * (pages - 1 - i));
    d->frame_byte_count = PAGE;
    d->kind = 2, d->id = 1;
    d->shared_info = (uint32_t)((hard_start_of(d) + PAGE - SHARED_INFO - base) >> 3);
    uint64_t offset = (uint64_t)((char *)d - base);
    spsc_produce(pool->ring, &offset, 1);
  }
  *gate_of(base, 1) = (struct gate){pool_recycle, pool};
  *(uint16_t *)(base + (128u << 20) + 64 + 20) = 1;
  return (struct arena){base, pool};
}

void arena_free(struct arena arena) {
  free(arena.pool->ring);
  munmap(arena.base, SPAN);
}

static int pool_refill(struct pool *pool) {
  int count = (int)spsc_consume(pool->ring, pool->cache, REFILL);
  if (count > 0) {
    pool->refill++;
    for (int i = 0; i < count; i++) __builtin_prefetch(pool->base + pool->cache[i], 1, 3);
  } else {
    pool->empty++;
  }
  pool->cached = (uint32_t)count;
  return count;
}

__attribute__((noinline)) int pool_allocate_piecemeal(struct pool *pool, struct descriptor **out, int count) {
  int taken = 0;
  while (taken < count) {
    int available = (int)pool->cached;
    if (available == 0 && (available = pool_refill(pool)) == 0) break;
    int piece = available < count - taken ? available : count - taken;
    pool_take(pool, available - piece, out + taken, piece);
    taken += piece;
  }
  pool->fast += (uint64_t)taken;
  return taken;
}

static int pool_release(struct pool *pool, struct descriptor **descriptors, uint64_t *offsets, int count) {
  int kept = 0;
  for (int i = 0; i < count; i++) {
    struct descriptor *d = descriptors[i];
    if ((d->owner & 255) == OWNER_FREE) {
      atomic_fetch_add_explicit(&pool->doubly_freed, 1, memory_order_relaxed);
      continue;
    }
    d->generation++;
    d->owner = OWNER_FREE;
    offsets[kept++] = (uintptr_t)d & (SPAN - 1);
  }
  if (pool->poisons) abort();
  return kept;
}

static __attribute__((noinline)) void from_afar(struct pool *pool, struct descriptor **descriptors, int count) {
  uint64_t *offsets = (uint64_t *)descriptors;
  int kept = pool_release(pool, descriptors, offsets, count);
  if (kept == 0) return;
  lock(pool);
  uint32_t taken = spsc_produce(pool->ring, offsets, (uint32_t)kept);
  unlock(pool);
  atomic_fetch_add_explicit(&pool->through_ring, taken, memory_order_relaxed);
  if ((int)taken < kept) abort();
}

__attribute__((noinline)) void pool_recycle(struct pool *pool, struct descriptor **descriptors, int count) {
  if (pool->owner != peer_context) return from_afar(pool, descriptors, count);
  int used = (int)pool->cached, piece = count < CACHE - used ? count : CACHE - used;
  int kept = pool_release(pool, descriptors, pool->cache + used, piece);
  pool->cached = (uint32_t)(used + kept);
  pool->recycled += (uint64_t)kept;
  if (piece < count) pool->cache_full += (uint64_t)(count - piece), from_afar(pool, descriptors + piece, count - piece);
}

__attribute__((noinline)) void home_fragments(struct descriptor *head, struct descriptor **home, int *count) {
  struct shared_info *info = shared_info_of(head);
  char *base = base_of(head);
  int fragments = info->count < FRAGMENTS ? info->count : FRAGMENTS;
  for (int i = 0; i < fragments; i++) {
    struct fragment f = info->fragments[i];
    uint32_t index = (uint32_t)f.slot, end;
    if (index >= 1u << 21) continue;
    struct descriptor *part = descriptor_at(base, index);
    if (part->generation != f.slot >> 32 || part->head != index_of(head)) continue;
    if (__builtin_add_overflow(f.offset, f.byte_count, &end) || end > part->frame_byte_count) continue;
    part->head = 0;
    home[(*count)++] = part;
  }
  head->flags &= (uint16_t)~HAS_FRAGMENTS;
}

uint64_t peer_pool(uint32_t burst, uint64_t count) {
  peer_context = 1;
  struct arena arena = arena_new(100);
  struct descriptor *pages[BUDGET];
  uint64_t started = now();
  for (uint64_t i = 0; i < count; i += burst) {
    int taken = pool_allocate(arena.pool, pages, (int)burst);
    keep(pages);
    pool_recycle(arena.pool, pages, taken);
  }
  uint64_t elapsed = now() - started;
  arena_free(arena);
  return elapsed;
}

uint64_t peer_frame(uint32_t burst, uint64_t count) {
  peer_context = 1;
  struct arena arena = arena_new(100);
  struct descriptor *pages[BUDGET], *frames[BUDGET];
  struct buff *packets = aligned_alloc(64, BUDGET * 64);
  char *queue = arena.base + (128u << 20) + 64;
  uint64_t started = now();
  for (uint64_t i = 0; i < count; i += burst) {
    int taken = pool_allocate(arena.pool, pages, (int)burst), rested = 0;
    for (int j = 0; j < taken; j++) buff_init(&packets[j], pages[j], queue, HEADROOM, 64);
    keep(packets);
    for (int j = 0; j < taken; j++)
      if (buff_may_rest(&packets[j])) frames[rested++] = buff_describe(&packets[j]);
    keep(frames);
    bulk_recycle(frames, rested, 0);
  }
  uint64_t elapsed = now() - started;
  free(packets);
  arena_free(arena);
  return elapsed;
}

static inline bool add_fragment(struct buff *b, struct descriptor *part, uint32_t byte_count) {
  struct descriptor *head = descriptor_holding(b->hard_start);
  struct shared_info *info = shared_info_of(head);
  if (!(b->flags & HAS_FRAGMENTS)) {
    info->count = 0, info->byte_count = 0, info->true_byte_count = 0;
    b->flags |= HAS_FRAGMENTS;
  }
  int count = info->count < FRAGMENTS ? info->count : FRAGMENTS;
  if (count >= FRAGMENTS) return false;
  part->head = index_of(head);
  info->fragments[count] = (struct fragment){(uint64_t)part->generation << 32 | index_of(part), byte_count, 0};
  info->count = (uint8_t)(count + 1);
  info->byte_count += byte_count;
  info->true_byte_count += part->frame_byte_count;
  return true;
}

uint64_t peer_jumbo(uint64_t count) {
  peer_context = 1;
  struct arena arena = arena_new(100);
  char *queue = arena.base + (128u << 20) + 64;
  uint64_t started = now();
  for (uint64_t i = 0; i < count; i++) {
    struct descriptor *pages[3];
    if (pool_allocate(arena.pool, pages, 3) != 3) abort();
    struct buff b;
    buff_init(&b, pages[0], queue, HEADROOM, 3520);
    if (!add_fragment(&b, pages[1], 4096) || !add_fragment(&b, pages[2], 1384)) abort();
    keep(&b);
    if (!buff_may_rest(&b)) abort();
    struct descriptor *frame = buff_describe(&b);
    bulk_recycle(&frame, 1, 0);
  }
  uint64_t elapsed = now() - started;
  arena_free(arena);
  return elapsed;
}

struct returns {
  struct spsc_ring *ring;
  char *base;
  uint32_t cpu, burst;
  uint64_t count;
};

static void *return_pages(void *argument) {
  struct returns *job = argument;
  peer_context = 2;
  pin(job->cpu);
  uint64_t slots[BUDGET];
  for (uint64_t seen = 0; seen < job->count;) {
    uint32_t taken = spsc_consume(job->ring, slots, job->burst);
    if (taken == 0) {
      spin_pause();
      continue;
    }
    struct descriptor *pages[BUDGET];
    int kept = 0;
    for (uint32_t i = 0; i < taken; i++) {
      struct descriptor *d = descriptor_at(job->base, (uint32_t)slots[i]);
      if (d->generation == slots[i] >> 32) pages[kept++] = d;
    }
    bulk_recycle(pages, kept, 0);
    seen += taken;
  }
  return 0;
}

uint64_t peer_cross_thread_return(uint32_t burst, uint64_t count, uint32_t cpu) {
  peer_context = 1;
  struct arena arena = arena_new(1024);
  struct returns job = {spsc_new(1024), arena.base, cpu, burst, count};
  pthread_t thread;
  pthread_create(&thread, 0, return_pages, &job);
  uint64_t started = now();
  for (uint64_t sent = 0; sent < count;) {
    struct descriptor *pages[BUDGET];
    uint64_t slots[BUDGET];
    uint64_t wanted = count - sent < burst ? count - sent : burst;
    int taken = pool_allocate(arena.pool, pages, (int)wanted);
    if (taken == 0) {
      spin_pause();
      continue;
    }
    for (int i = 0; i < taken; i++) {
      pages[i]->flags = 0;
      slots[i] = (uint64_t)pages[i]->generation << 32 | index_of(pages[i]);
    }
    for (uint32_t done = 0; done < (uint32_t)taken;) done += spsc_produce(job.ring, slots + done, (uint32_t)taken - done);
    sent += (uint64_t)taken;
  }
  pthread_join(thread, 0);
  uint64_t elapsed = now() - started;
  free(job.ring);
  arena_free(arena);
  return elapsed;
}
