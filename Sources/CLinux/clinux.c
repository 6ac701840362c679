// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"

__thread uint32_t clinux_context_number;
__thread uint64_t clinux_fixed_time;

uint32_t clinux_context_assign(void) {
  static uint32_t last;
  return clinux_context_number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CLINUX_ASAN 1
#endif
#endif

#ifdef CLINUX_ASAN
void __asan_poison_memory_region(const volatile void *address, size_t byte_count);
void __asan_unpoison_memory_region(const volatile void *address, size_t byte_count);
int clinux_has_address_sanitizer(void) { return 1; }
void clinux_poison(const void *address, size_t byte_count) { __asan_poison_memory_region(address, byte_count); }
void clinux_unpoison(const void *address, size_t byte_count) { __asan_unpoison_memory_region(address, byte_count); }
#else
int clinux_has_address_sanitizer(void) { return 0; }
void clinux_poison(const void *address, size_t byte_count) { (void)address, (void)byte_count; }
void clinux_unpoison(const void *address, size_t byte_count) { (void)address, (void)byte_count; }
#endif
