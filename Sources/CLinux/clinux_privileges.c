// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"
#include <linux/capability.h>
#include <stdatomic.h>

// Written by the caller before the signal, read by the thread that it reaches; the answer goes the other way.
static _Atomic uint64_t wanted;
static _Atomic int answer;

static int limit_self(uint64_t kept) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return errno;
  // The bounding set is what a program that is started could get back; without the right to, it stays as it is.
  for (int number = 0; number < 64 && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
    if (!(kept >> number & 1)) prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int half = 0; half < 2; half++) {
    data[half].permitted &= (uint32_t)(kept >> 32 * half);
    data[half].effective &= (uint32_t)(kept >> 32 * half);
    data[half].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, data) != 0) return errno;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

static void limit_on_signal(int signal) {
  (void)signal;
  int saved = errno;
  atomic_store(&answer, limit_self(atomic_load(&wanted)));
  errno = saved;
}

int clinux_limit_thread(int thread, uint64_t kept) {
  if (thread == (int)syscall(SYS_gettid)) return limit_self(kept);
  // Threads of libdispatch block every signal that they may, and this is one that they leave.
  struct sigaction action = {.sa_handler = limit_on_signal, .sa_flags = SA_RESTART}, former;
  sigfillset(&action.sa_mask);
  if (sigaction(SIGPROF, &action, &former) != 0) return errno;
  atomic_store(&wanted, kept);
  atomic_store(&answer, -1);
  int code = syscall(SYS_tgkill, getpid(), thread, SIGPROF) == 0 ? -1 : errno;
  for (int turn = 0; code == -1 && turn < 50000; turn++) {
    code = atomic_load(&answer);
    if (code != -1) break;
    if (syscall(SYS_tgkill, getpid(), thread, 0) != 0) code = ESRCH;
    usleep(100);
  }
  // A signal that comes after all would end the process where nobody handles it.
  if (code == -1) return ETIMEDOUT;
  sigaction(SIGPROF, &former, NULL);
  return code;
}
