// SPDX-License-Identifier: Apache-2.0
//
// The peers in C. Each runs its benchmark once and returns the nanoseconds that it took, or 0 if its own check failed.
#pragma once
#include <stdint.h>

/// One thread produces and consumes `count` slots in bursts.
uint64_t peer_spsc_same_thread(uint32_t burst, uint64_t count);

/// A thread on `producer_cpu` produces `count` slots in bursts; the calling thread consumes them.
uint64_t peer_spsc_two_threads(uint32_t burst, uint64_t count, uint32_t producer_cpu);
