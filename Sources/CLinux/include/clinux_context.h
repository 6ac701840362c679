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
