// SPDX-License-Identifier: Apache-2.0
//
// Counts this process's heap allocations, by standing in front of the C library's allocator.
#pragma once
#include <stdint.h>

/// The allocations so far, of all threads.
uint64_t allocation_count(void);
