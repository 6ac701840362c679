// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"
#include <ucontext.h>

// Written by the assembler statements of clinux_guard.h: pairs of offsets, each from its own address. Weak, because
// a program that has no guarded access has no such section.
extern const int32_t __start_clinux_guards[] __attribute__((weak));
extern const int32_t __stop_clinux_guards[] __attribute__((weak));

// Generated code. Writers hold the mutex; the handler only reads, on any thread and at any time. A writer fills
// `end` and `resume` before it publishes `begin` (A), which the handler reads first (B): it never pairs a range with
// another's resume address. A row is reused only after its code has left every thread.
enum { CODE_RANGES = 4096 };
static struct {
  uintptr_t begin, end, resume;
} code_ranges[CODE_RANGES];
static uint32_t code_range_count;
static pthread_mutex_t code_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous_segv, previous_bus;

int clinux_guard_register_code(const void *begin, const void *end, const void *resume) {
  int result = ENOSPC;
  pthread_mutex_lock(&code_mutex);
  for (uint32_t i = 0; i < CODE_RANGES; i++) {
    if (code_ranges[i].begin != 0) continue;
    code_ranges[i].end = (uintptr_t)end;
    code_ranges[i].resume = (uintptr_t)resume;
    __atomic_store_n(&code_ranges[i].begin, (uintptr_t)begin, __ATOMIC_RELEASE);  // (A)
    if (i >= code_range_count) __atomic_store_n(&code_range_count, i + 1, __ATOMIC_RELEASE);
    result = 0;
    break;
  }
  pthread_mutex_unlock(&code_mutex);
  return result;
}

void clinux_guard_unregister_code(const void *begin) {
  pthread_mutex_lock(&code_mutex);
  for (uint32_t i = 0; i < code_range_count; i++)
    if (code_ranges[i].begin == (uintptr_t)begin) __atomic_store_n(&code_ranges[i].begin, 0, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&code_mutex);
}

#if defined(__x86_64__)
// Where to go on, or 0. `is_code` says whether the fault is in generated code.
static uintptr_t resume_address(uintptr_t at, int *is_code) {
  uint32_t count = __atomic_load_n(&code_range_count, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; i < count; i++) {
    uintptr_t begin = __atomic_load_n(&code_ranges[i].begin, __ATOMIC_ACQUIRE);  // (B)
    if (begin == 0 || at < begin || at >= code_ranges[i].end) continue;
    *is_code = 1;
    return code_ranges[i].resume;
  }
  for (const int32_t *guard = __start_clinux_guards; guard < __stop_clinux_guards; guard += 2)
    if ((uintptr_t)guard + (intptr_t)guard[0] == at) return (uintptr_t)(guard + 1) + (intptr_t)guard[1];
  return 0;
}

static void handle(int number, siginfo_t *info, void *opaque) {
  greg_t *registers = ((ucontext_t *)opaque)->uc_mcontext.gregs;
  int is_code = 0;
  uintptr_t at = (uintptr_t)registers[REG_RIP], resume = resume_address(at, &is_code);
  if (resume != 0) {
    if (is_code) {
      registers[REG_R11] = (greg_t)at;
      registers[REG_R10] = (greg_t)(uintptr_t)info->si_addr;
    }
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
