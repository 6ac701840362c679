// SPDX-License-Identifier: Apache-2.0
//
// The peers in C. Each runs its benchmark once and returns the nanoseconds that it took, or 0 if its own check failed.
#pragma once
#include <stdint.h>

/// One thread produces and consumes `count` slots in bursts.
uint64_t peer_spsc_same_thread(uint32_t burst, uint64_t count);

/// A thread on `producer_cpu` produces `count` slots in bursts; the calling thread consumes them.
uint64_t peer_spsc_two_threads(uint32_t burst, uint64_t count, uint32_t producer_cpu);

/// Allocates and recycles `count` pages in bursts.
uint64_t peer_pool(uint32_t burst, uint64_t count);

/// Allocates `count` pages in bursts, makes packets and frames of them, and sends them home in bulk.
uint64_t peer_frame(uint32_t burst, uint64_t count);

/// Builds and ends `count` packets of 9000 octets in three pages.
uint64_t peer_jumbo(uint64_t count);

/// Allocates `count` pages here and recycles them on `cpu`, in bursts.
uint64_t peer_cross_thread_return(uint32_t burst, uint64_t count, uint32_t cpu);

/// Receives, steers and processes `count` packets of 64 octets with one worker on each of `cpus`.
uint64_t peer_pipeline(uint32_t workers, uint64_t count, const uint32_t *cpus);

/// An AF_XDP socket on queue 0 of an interface of the calling thread's namespace, used by one thread.
struct peer_xsk;
struct peer_xsk *peer_xsk_open(const char *interface, int is_multi_buffer);
void peer_xsk_close(struct peer_xsk *socket);
/// Receives up to 64 buffers and gives them back; how many packets that were.
uint32_t peer_xsk_drop(struct peer_xsk *socket);
/// Receives up to 64 packets and sends them back with their addresses exchanged; how many.
uint32_t peer_xsk_forward(struct peer_xsk *socket);

/// A thread that sends packets out of an interface as fast as the kernel lets it.
struct peer_sender;
struct peer_sender *peer_sender_open(const char *interface, uint32_t byte_count);
void peer_sender_start(struct peer_sender *sender, uint32_t cpu);
void peer_sender_stop(struct peer_sender *sender);
void peer_sender_close(struct peer_sender *sender);

/// Drops whatever an interface receives, until the descriptor that is returned is closed.
int peer_sink_open(const char *interface);

/// Runs drop, parse or checksum of programs.h `count` times on a packet; each run must return `verdict`.
uint64_t peer_program(const char *name, const void *packet, uint32_t octets, uint32_t verdict, uint64_t count);

/// Writes the headers of a made-up UDP packet of 64 octets; both sides of the pipeline call it.
static inline void peer_write_header(char *p, uint32_t *seed) {
  uint32_t s = *seed = *seed * 1664525u + 1013904223u;
  uint64_t addresses = 0x0807060504030201ull;
  uint32_t rest = 0x0d0c0b0a, source = 0x0100000a + (s >> 28), destination = 0x0100010a;
  uint16_t type = 0x0008, version = 0x0045, length = 0x3200, ttl = 0x1140, zero = 0;
  uint16_t from = (uint16_t)(1024 + (s >> 16 & 1023)), to = s & 0x10000 ? 0x0900 : 0x3500, octets = 0x1e00;
  uint32_t none = 0;
  __builtin_memcpy(p, &addresses, 8), __builtin_memcpy(p + 8, &rest, 4), __builtin_memcpy(p + 12, &type, 2);
  __builtin_memcpy(p + 14, &version, 2), __builtin_memcpy(p + 16, &length, 2), __builtin_memcpy(p + 18, &none, 4);
  __builtin_memcpy(p + 22, &ttl, 2), __builtin_memcpy(p + 24, &zero, 2), __builtin_memcpy(p + 26, &source, 4);
  __builtin_memcpy(p + 30, &destination, 4), __builtin_memcpy(p + 34, &from, 2), __builtin_memcpy(p + 36, &to, 2);
  __builtin_memcpy(p + 38, &octets, 2), __builtin_memcpy(p + 40, &zero, 2);
}
