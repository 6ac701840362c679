// SPDX-License-Identifier: Apache-2.0
//
// What the processor does and Swift has no word for.
#pragma once
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

/// Tells the processor that this is a spin loop.
static inline void clinux_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Fetches a cache line that is about to be read.
static inline void clinux_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Fetches a cache line that is about to be written.
static inline void clinux_prefetch_write(const void *address) { __builtin_prefetch(address, 1, 3); }

/// Keeps a value alive against the optimizer, for benchmarks.
static inline void clinux_keep(const void *value) { __asm__ volatile("" ::"r"(value) : "memory"); }

/// Keeps the compiler from moving memory accesses across this point, or from making one call of many.
static inline void clinux_compiler_barrier(void) { __asm__ volatile("" ::: "memory"); }

/// Reads a word that others write, without ordering anything else.
static inline uint32_t clinux_load_relaxed(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

/// CLOCK_MONOTONIC in nanoseconds.
static inline uint64_t clinux_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/// Binds the calling thread to one CPU; 0, or an errno.
static inline int clinux_pin(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}
