// SPDX-License-Identifier: Apache-2.0
//
// Privileges belong to threads, and only a thread itself can give them up.
#pragma once
#include <stdint.h>

/// Makes another thread of this process, or the calling one, give up every capability but those kept, for ever.
///
/// Waits until it has, or has ended. One caller at a time.
/// Returns 0; or ESRCH where the thread has ended, ETIMEDOUT where it did not answer, or what the kernel said to it.
int clinux_limit_thread(int thread, uint64_t kept);
