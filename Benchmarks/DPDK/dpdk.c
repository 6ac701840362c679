// SPDX-License-Identifier: Apache-2.0
//
// The peers in DPDK: what its users would write, with the same counts of buffers, slots and packets in a burst as ours.
// scripts/bench compiles this to a shared object, which the benchmarks load if libdpdk is installed. Each function
// runs its benchmark once and returns the nanoseconds that it took, or 0 if its own check failed.
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_thash.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "peers.h"

enum { BURST = 64, CACHE = 128, WORKERS = 2, DATA = 4096 + RTE_PKTMBUF_HEADROOM };

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void pin(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *checked(void *object, const char *what) {
  if (object) return object;
  fprintf(stderr, "dpdk: %s: %s\n", what, rte_strerror(rte_errno));
  exit(70);
}

// Names must be unique while an object lives; every run frees its own.
static struct rte_ring *ring_new(uint32_t slots, const char *name) {
  return checked(rte_ring_create(name, slots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ), "ring");
}

static struct rte_mempool *mbufs_new(uint32_t count) {
  return checked(rte_pktmbuf_pool_create("mbufs", count, CACHE, 0, DATA, SOCKET_ID_ANY), "mbuf pool");
}

/// Starts DPDK in this process, on the calling thread. 0, or why not.
const char *dpdk_start(uint32_t cpu, int huge) {
  char lcores[32];
  snprintf(lcores, sizeof lcores, "0@%u", cpu);
  char *arguments[] = {"bench",          "--in-memory", "--no-pci", "--no-telemetry", "--log-level=4", "--lcores", lcores,
                       huge ? "-m" : "--no-huge", huge ? "192" : "-m",  "192"};
  return rte_eal_init(huge ? 9 : 10, arguments) < 0 ? rte_strerror(rte_errno) : 0;
}

uint64_t dpdk_ring_same_thread(uint32_t burst, uint64_t count) {
  struct rte_ring *ring = ring_new(1024, "same");
  void *in[BURST], *out[BURST];
  for (uintptr_t i = 0; i < BURST; i++) in[i] = (void *)(i + 1);
  uint64_t started = now(), taken = 0;
  for (uint64_t i = 0; i < count; i += burst) {
    rte_ring_sp_enqueue_burst(ring, in, burst, NULL);
    taken += rte_ring_sc_dequeue_burst(ring, out, burst, NULL);
  }
  uint64_t elapsed = now() - started;
  rte_ring_free(ring);
  return taken == count ? elapsed : 0;
}

struct job {
  struct rte_ring *ring;
  struct rte_mempool *pool;
  uint32_t cpu, burst;
  uint64_t count, seen, octets;
  volatile int *stop;
};

static void *produce(void *argument) {
  struct job *job = argument;
  pin(job->cpu);
  void *in[BURST];
  for (uintptr_t i = 0; i < BURST; i++) in[i] = (void *)(i + 1);
  for (uint64_t sent = 0; sent < job->count;) {
    uint64_t left = job->count - sent;
    uint32_t done = rte_ring_sp_enqueue_burst(job->ring, in, left < job->burst ? (uint32_t)left : job->burst, NULL);
    if (done == 0) rte_pause();
    sent += done;
  }
  return 0;
}

uint64_t dpdk_ring_two_threads(uint32_t burst, uint64_t count, uint32_t producer_cpu) {
  struct job job = {.ring = ring_new(1024, "two"), .cpu = producer_cpu, .burst = burst, .count = count};
  void *out[BURST];
  pthread_t thread;
  uint64_t started = now();
  pthread_create(&thread, 0, produce, &job);
  for (uint64_t taken = 0; taken < count;) {
    uint32_t n = rte_ring_sc_dequeue_burst(job.ring, out, burst, NULL);
    if (n == 0) rte_pause();
    taken += n;
  }
  uint64_t elapsed = now() - started;
  pthread_join(thread, 0);
  rte_ring_free(job.ring);
  return elapsed;
}

uint64_t dpdk_pool(uint32_t burst, uint64_t count) {
  struct rte_mempool *pool = checked(
      rte_mempool_create("bare", 255, 4096, CACHE, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0), "mempool");
  void *objects[BURST];
  uint64_t started = now();
  for (uint64_t i = 0; i < count; i += burst) {
    if (rte_mempool_get_bulk(pool, objects, burst) != 0) abort();
    __asm__ volatile("" : : "r"(objects) : "memory");
    rte_mempool_put_bulk(pool, objects, burst);
  }
  uint64_t elapsed = now() - started;
  rte_mempool_free(pool);
  return elapsed;
}

uint64_t dpdk_frame(uint32_t burst, uint64_t count) {
  struct rte_mempool *pool = mbufs_new(255);
  struct rte_mbuf *frames[BURST];
  uint64_t started = now();
  for (uint64_t i = 0; i < count; i += burst) {
    if (rte_pktmbuf_alloc_bulk(pool, frames, burst) != 0) abort();
    for (uint32_t f = 0; f < burst; f++) rte_pktmbuf_append(frames[f], 64);
    __asm__ volatile("" : : "r"(frames) : "memory");
    rte_pktmbuf_free_bulk(frames, burst);
  }
  uint64_t elapsed = now() - started;
  rte_mempool_free(pool);
  return elapsed;
}

uint64_t dpdk_jumbo(uint64_t count) {
  struct rte_mempool *pool = mbufs_new(255);
  uint64_t started = now();
  for (uint64_t i = 0; i < count; i++) {
    struct rte_mbuf *parts[3];
    if (rte_pktmbuf_alloc_bulk(pool, parts, 3) != 0) abort();
    rte_pktmbuf_append(parts[0], 3520);
    rte_pktmbuf_append(parts[1], 4096);
    rte_pktmbuf_append(parts[2], 1384);
    if (rte_pktmbuf_chain(parts[0], parts[1]) != 0 || rte_pktmbuf_chain(parts[0], parts[2]) != 0) abort();
    __asm__ volatile("" : : "r"(parts) : "memory");
    rte_pktmbuf_free(parts[0]);
  }
  uint64_t elapsed = now() - started;
  rte_mempool_free(pool);
  return elapsed;
}

static void *free_frames(void *argument) {
  struct job *job = argument;
  struct rte_mbuf *frames[BURST];
  pin(job->cpu);
  rte_thread_register();
  while (job->seen < job->count) {
    uint32_t n = rte_ring_sc_dequeue_burst(job->ring, (void **)frames, job->burst, NULL);
    if (n == 0) rte_pause();
    else rte_pktmbuf_free_bulk(frames, n);
    job->seen += n;
  }
  rte_thread_unregister();
  return 0;
}

uint64_t dpdk_cross_thread_return(uint32_t burst, uint64_t count, uint32_t cpu) {
  struct job job = {.ring = ring_new(1024, "cross"), .pool = mbufs_new(1023), .cpu = cpu, .burst = burst, .count = count};
  struct rte_mbuf *frames[BURST];
  pthread_t thread;
  uint64_t started = now();
  pthread_create(&thread, 0, free_frames, &job);
  for (uint64_t sent = 0; sent < count;) {
    uint64_t left = count - sent;
    uint32_t wanted = left < burst ? (uint32_t)left : burst;
    if (rte_pktmbuf_alloc_bulk(job.pool, frames, wanted) != 0) {
      rte_pause();
      continue;
    }
    for (uint32_t done = 0; done < wanted;)
      done += rte_ring_sp_enqueue_burst(job.ring, (void **)frames + done, wanted - done, NULL);
    sent += wanted;
  }
  pthread_join(thread, 0);
  uint64_t elapsed = now() - started;
  rte_ring_free(job.ring);
  rte_mempool_free(job.pool);
  return elapsed;
}

// Software receive-side scaling, as Benchmarks/Sources/bench/Pipeline.swift draws it.

static void program(struct job *job, struct rte_mbuf **frames, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const char *data = rte_pktmbuf_mtod(frames[i], const char *);
    uint16_t port;
    __builtin_memcpy(&port, data + 36, 2);
    job->octets += port == 0x0900 ? frames[i]->data_len : 0;
  }
  __atomic_store_n(&job->seen, job->seen + count, __ATOMIC_RELEASE);
  rte_pktmbuf_free_bulk(frames, count);
}

static void *work_on_ring(void *argument) {
  struct job *job = argument;
  struct rte_mbuf *frames[BURST];
  pin(job->cpu);
  rte_thread_register();
  while (!*job->stop || !rte_ring_empty(job->ring)) {
    uint32_t n = rte_ring_sc_dequeue_burst(job->ring, (void **)frames, BURST, NULL);
    if (n == 0) {
      rte_pause();
      continue;
    }
    for (uint32_t i = 0; i < n; i++) rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));
    program(job, frames, n);
  }
  rte_thread_unregister();
  return 0;
}

static uint32_t flow_hash(const struct rte_mbuf *frame) {
  const char *data = rte_pktmbuf_mtod(frame, const char *);
  uint64_t addresses;
  uint32_t ports;
  __builtin_memcpy(&addresses, data + 26, 8);
  __builtin_memcpy(&ports, data + 34, 4);
  // CRC32C of few changing bits is linear: spread before the multiplication picks a worker.
  return rte_hash_crc_4byte(ports, rte_hash_crc_8byte(addresses, 0xffffffff)) * 0x9e3779b1u;
}

static uint32_t receive(struct rte_mempool *pool, struct rte_mbuf **frames, uint32_t count, uint32_t *seed) {
  if (rte_pktmbuf_alloc_bulk(pool, frames, count) != 0) return 0;
  for (uint32_t i = 0; i < count; i++) {
    peer_write_header(rte_pktmbuf_mtod(frames[i], char *), seed);
    frames[i]->data_len = frames[i]->pkt_len = 64;
    frames[i]->hash.usr = flow_hash(frames[i]);
  }
  return count;
}

static void steer(struct job *jobs, uint32_t workers, struct rte_mbuf **frames, uint32_t count) {
  struct rte_mbuf *staged[WORKERS][BURST];
  uint32_t filled[WORKERS] = {0};
  for (uint32_t i = 0; i < count; i++) {
    uint32_t worker = (uint32_t)((uint64_t)frames[i]->hash.usr * workers >> 32);
    staged[worker][filled[worker]++] = frames[i];
  }
  for (uint32_t w = 0; w < workers; w++)
    for (uint32_t done = 0; done < filled[w];)
      done += rte_ring_sp_enqueue_burst(jobs[w].ring, (void **)staged[w] + done, filled[w] - done, NULL);
}

uint64_t dpdk_pipeline(uint32_t workers, uint64_t count, const uint32_t *cpus) {
  static const char *names[WORKERS] = {"worker0", "worker1"};
  volatile int stop = 0;
  struct job jobs[WORKERS] = {0};
  pthread_t threads[WORKERS];
  struct rte_mempool *pool = mbufs_new(1535);
  struct rte_mbuf *frames[BURST];
  uint32_t seed = 1;
  uint64_t seen = 0, started = now();
  for (uint32_t w = 0; w < workers; w++) {
    jobs[w] = (struct job){.ring = ring_new(2048, names[w]), .cpu = cpus[w], .stop = &stop};
    pthread_create(&threads[w], 0, work_on_ring, &jobs[w]);
  }
  for (uint64_t sent = 0; sent < count;) {
    uint32_t n = receive(pool, frames, BURST, &seed);
    if (n == 0) rte_pause();
    else steer(jobs, workers, frames, n);
    sent += n;
  }
  stop = 1;
  for (uint32_t w = 0; w < workers; w++) {
    pthread_join(threads[w], 0);
    seen += jobs[w].seen;
    rte_ring_free(jobs[w].ring);
  }
  uint64_t elapsed = now() - started;
  rte_mempool_free(pool);
  return seen == count ? elapsed : 0;
}
