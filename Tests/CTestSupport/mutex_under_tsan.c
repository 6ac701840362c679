// SPDX-License-Identifier: Apache-2.0
//
// Swift's Mutex takes its lock inline, where ThreadSanitizer sees it, or when there is contention in a library that was
// built without it. What the lock protects then looks like a race. This definition, which the linker prefers to the
// library's, does the contended half in sight of ThreadSanitizer. The word is 0 or the owner's number; as nobody ever
// notes in it that he sleeps, unlocking stays on its inline path.
#if __has_feature(thread_sanitizer)
#include <sched.h>
#include <stdint.h>

// Synchronization._MutexHandle._lockSlow(UInt32) -> ()
__attribute__((swiftcall)) void mutex_lock_slow(uint32_t owner, __attribute__((swift_context)) uint32_t *word)
    __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");

__attribute__((swiftcall)) void mutex_lock_slow(uint32_t owner, __attribute__((swift_context)) uint32_t *word) {
  for (;;) {
    uint32_t unlocked = 0;
    if (__atomic_compare_exchange_n(word, &unlocked, owner, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    sched_yield();
  }
}
#endif
