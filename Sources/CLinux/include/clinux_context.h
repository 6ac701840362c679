// SPDX-License-Identifier: Apache-2.0
//
// The number of the calling execution context (a receive loop, a worker, any thread that owns a pool).
#pragma once
#include <stdint.h>

extern __thread uint32_t clinux_context_number;
uint32_t clinux_context_assign(void);

/// The calling thread's context, 1 or more; numbered on first use and never again in this process.
static inline uint32_t clinux_context(void) {
  uint32_t number = clinux_context_number;
  return __builtin_expect(number != 0, 1) ? number : clinux_context_assign();
}

extern __thread uint64_t clinux_fixed_time;

/// Stops the clocks that programs of the calling thread see, at so many nanoseconds; 0 lets them go on.
static inline void clinux_fix_time(uint64_t nanoseconds) { clinux_fixed_time = nanoseconds; }

/// Where the clocks of the calling thread's programs stand; 0 while they go.
static inline uint64_t clinux_time_fixed(void) { return clinux_fixed_time; }
