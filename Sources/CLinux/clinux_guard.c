// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"
#include <ucontext.h>

// Written by the assembler statements of clinux_guard.h: pairs of offsets, each from its own address. Weak, because
// a program that has no guarded access has no such section.
extern const int32_t __start_clinux_guards[] __attribute__((weak));
extern const int32_t __stop_clinux_guards[] __attribute__((weak));

// Generated code. Writers hold the mutex; the handler only reads, on any thread and at any time, also while a row
// changes hands. The sequence is odd while a writer is at work: it becomes odd before the first store (A) and even after
// the last (B); the handler reads it before (C) and after (D) the rows, and starts anew if it was odd or has changed.
// Otherwise it could pair one program's beginning with another's end. A writer never faults, so nobody waits for itself.
enum { CODE_RANGES = 4096 };
static struct {
  uintptr_t begin, end, resume;
} code_ranges[CODE_RANGES];
static uint32_t code_range_count, code_sequence;
static pthread_mutex_t code_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous_segv, previous_bus;

static void set_row(uint32_t row, uintptr_t begin, uintptr_t end, uintptr_t resume) {
  uint32_t sequence = code_sequence;
  __atomic_store_n(&code_sequence, sequence + 1, __ATOMIC_RELAXED);  // (A)
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&code_ranges[row].begin, begin, __ATOMIC_RELAXED);
  __atomic_store_n(&code_ranges[row].end, end, __ATOMIC_RELAXED);
  __atomic_store_n(&code_ranges[row].resume, resume, __ATOMIC_RELAXED);
  if (row >= code_range_count) __atomic_store_n(&code_range_count, row + 1, __ATOMIC_RELAXED);
  __atomic_store_n(&code_sequence, sequence + 2, __ATOMIC_RELEASE);  // (B)
}

int clinux_guard_register_code(const void *begin, const void *end, const void *resume) {
  int result = ENOSPC;
  pthread_mutex_lock(&code_mutex);
  for (uint32_t row = 0; row < CODE_RANGES; row++) {
    if (code_ranges[row].begin != 0) continue;
    set_row(row, (uintptr_t)begin, (uintptr_t)end, (uintptr_t)resume);
    result = 0;
    break;
  }
  pthread_mutex_unlock(&code_mutex);
  return result;
}

void clinux_guard_unregister_code(const void *begin) {
  pthread_mutex_lock(&code_mutex);
  for (uint32_t row = 0; row < code_range_count; row++)
    if (code_ranges[row].begin == (uintptr_t)begin) set_row(row, 0, 0, 0);
  pthread_mutex_unlock(&code_mutex);
}

#if defined(__x86_64__)
// Where generated code goes on that faulted at `at`; 0 if there is none.
static uintptr_t code_resume(uintptr_t at) {
  for (;;) {
    uintptr_t resume = 0;
    uint32_t before = __atomic_load_n(&code_sequence, __ATOMIC_ACQUIRE);  // (C)
    uint32_t count = __atomic_load_n(&code_range_count, __ATOMIC_RELAXED);
    for (uint32_t row = 0; row < count && resume == 0; row++) {
      uintptr_t begin = __atomic_load_n(&code_ranges[row].begin, __ATOMIC_RELAXED);
      uintptr_t end = __atomic_load_n(&code_ranges[row].end, __ATOMIC_RELAXED);
      if (at >= begin && at < end) resume = __atomic_load_n(&code_ranges[row].resume, __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint32_t after = __atomic_load_n(&code_sequence, __ATOMIC_RELAXED);  // (D)
    if (before == after && (before & 1) == 0) return resume;
  }
}

static uintptr_t guard_resume(uintptr_t at) {
  for (const int32_t *guard = __start_clinux_guards; guard < __stop_clinux_guards; guard += 2)
    if ((uintptr_t)guard + (intptr_t)guard[0] == at) return (uintptr_t)(guard + 1) + (intptr_t)guard[1];
  return 0;
}

static void handle(int number, siginfo_t *info, void *opaque) {
  greg_t *registers = ((ucontext_t *)opaque)->uc_mcontext.gregs;
  uintptr_t at = (uintptr_t)registers[REG_RIP], resume = code_resume(at);
  if (resume != 0) {
    registers[REG_R11] = (greg_t)at;
    registers[REG_R10] = (greg_t)(uintptr_t)info->si_addr;
  } else {
    resume = guard_resume(at);
  }
  if (resume != 0) {
    registers[REG_RIP] = (greg_t)resume;
    return;
  }
  // Not ours: to the handler before us, or, without one, back to the instruction, whose next fault is fatal.
  struct sigaction *previous = number == SIGBUS ? &previous_bus : &previous_segv;
  if (previous->sa_flags & SA_SIGINFO) {
    previous->sa_sigaction(number, info, opaque);
  } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
    previous->sa_handler(number);
  } else {
    signal(number, SIG_DFL);
  }
}

static int install_result;

static void install(void) {
  // Not deferred: the handler returns to where the fault becomes a result, and the next fault may come at once.
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  action.sa_sigaction = handle;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGSEGV, &action, &previous_segv) != 0 || sigaction(SIGBUS, &action, &previous_bus) != 0)
    install_result = errno;
}

int clinux_guard_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  return install_result;
}
#else
int clinux_guard_install(void) { return 0; }
#endif
