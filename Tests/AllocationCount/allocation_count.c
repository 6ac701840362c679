// SPDX-License-Identifier: Apache-2.0
#include "AllocationCount.h"
#include <stddef.h>

static uint64_t allocations;

uint64_t allocation_count(void) { return __atomic_load_n(&allocations, __ATOMIC_RELAXED); }

static void count(void) { __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED); }

extern void *__libc_malloc(size_t byte_count);
extern void *__libc_calloc(size_t count, size_t byte_count);
extern void *__libc_realloc(void *block, size_t byte_count);
extern void *__libc_memalign(size_t alignment, size_t byte_count);

void *malloc(size_t byte_count) {
  count();
  return __libc_malloc(byte_count);
}

void *calloc(size_t number, size_t byte_count) {
  count();
  return __libc_calloc(number, byte_count);
}

void *realloc(void *block, size_t byte_count) {
  count();
  return __libc_realloc(block, byte_count);
}

void *aligned_alloc(size_t alignment, size_t byte_count) {
  count();
  return __libc_memalign(alignment, byte_count);
}

int posix_memalign(void **block, size_t alignment, size_t byte_count) {
  count();
  *block = __libc_memalign(alignment, byte_count);
  return *block ? 0 : 12;
}
