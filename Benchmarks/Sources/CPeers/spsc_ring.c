// SPDX-License-Identifier: Apache-2.0
#include "spsc_ring.h"

#include "machine.h"
#include "peers.h"

enum { CAPACITY = 1024, LARGEST_BURST = 64 };

uint64_t peer_spsc_same_thread(uint32_t burst, uint64_t count) {
  struct spsc_ring *ring = spsc_new(CAPACITY);
  _Alignas(64) uint64_t slots[LARGEST_BURST] = {0};
  uint64_t slot = 0, started = now();
  if (burst == 1) {
    for (uint64_t i = 0; i < count; i++) {
      spsc_produce_one(ring, i);
      spsc_consume_one(ring, &slot);
      keep(&slot);
    }
  } else {
    for (uint64_t i = 0; i < count; i += burst) {
      spsc_produce(ring, slots, burst);
      spsc_consume(ring, slots, burst);
      keep(slots);
    }
  }
  uint64_t elapsed = now() - started;
  free(ring);
  return elapsed;
}

struct producer {
  struct spsc_ring *ring;
  uint64_t count;
  uint32_t burst, cpu;
};

static void *produce(void *argument) {
  struct producer *p = argument;
  struct spsc_ring *ring = p->ring;
  _Alignas(64) uint64_t slots[LARGEST_BURST];
  uint64_t count = p->count;
  uint32_t burst = p->burst;
  pin(p->cpu);
  for (uint64_t next = 0; next < count; next += burst) {
    if (burst == 1) {
      while (!spsc_produce_one(ring, next)) spin_pause();
      continue;
    }
    for (uint32_t i = 0; i < burst; i++) slots[i] = next + i;
    for (uint32_t done = 0; done < burst;) {
      uint32_t produced = spsc_produce(ring, slots + done, burst - done);
      done += produced;
      if (!produced) spin_pause();
    }
  }
  return NULL;
}

uint64_t peer_spsc_two_threads(uint32_t burst, uint64_t count, uint32_t producer_cpu) {
  struct producer p = {.ring = spsc_new(CAPACITY), .count = count, .burst = burst, .cpu = producer_cpu};
  struct spsc_ring *ring = p.ring;
  pthread_t thread;
  pthread_create(&thread, NULL, produce, &p);
  _Alignas(64) uint64_t slots[LARGEST_BURST];
  uint64_t sum = 0, seen = 0, started = 0;
  while (seen < count) {
    uint32_t taken = burst == 1 ? (uint32_t)spsc_consume_one(ring, slots) : spsc_consume(ring, slots, burst);
    if (!taken) {
      spin_pause();
      continue;
    }
    if (!started) started = now();
    for (uint32_t i = 0; i < taken; i++) sum += slots[i];
    seen += taken;
  }
  uint64_t elapsed = now() - started;
  pthread_join(thread, NULL);
  free(ring);
  return sum == count * (count - 1) / 2 ? elapsed : 0;
}
