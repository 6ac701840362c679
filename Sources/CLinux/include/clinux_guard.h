// SPDX-License-Identifier: Apache-2.0
//
// Memory accesses that may fault and say so, for addresses that somebody else's program computed.
//
// Each access leaves two offsets in the section clinux_guards: where it lies, and where to go on if it faults. The
// handler (clinux_guard.c) looks the faulting instruction up there, as the kernel does for user memory. An access
// that does not fault costs one test. The section is marked to be retained (R), because no code refers to it and a
// linker that collects what nothing refers to would leave out the table.
#pragma once
#include <stdint.h>

/// Installs the handler for SIGSEGV and SIGBUS once per process; 0, or an errno. Faults that are neither a guarded
/// access nor in generated code go to the handler that was there before.
int clinux_guard_install(void);

/// Tells the handler of generated code: a fault in [begin, end) goes on at `resume`, with the faulting instruction's
/// address in the first and the faulting data address in the second scratch register of the architecture (r11, r10;
/// x17, x16). 0, or ENOSPC when the table is full.
int clinux_guard_register_code(const void *begin, const void *end, const void *resume);

/// Forgets generated code. Nobody may be running it any more.
void clinux_guard_unregister_code(const void *begin);

/// A loaded value, and whether the access faulted instead.
typedef struct {
  uint64_t value;
  uint32_t failed;
} clinux_guarded;

#if defined(__x86_64__)
#define CLINUX_GUARD(access)                                     \
  "1: " access "\n2:\n"                                          \
  ".pushsection .text.clinux_guard,\"ax\",@progbits\n"           \
  "3: movl $1, %k[failed]\n jmp 2b\n"                            \
  ".popsection\n"                                                \
  ".pushsection clinux_guards,\"aR\",@progbits\n.balign 4\n"     \
  ".long 1b - ., 3b - .\n"                                       \
  ".popsection\n"

#define CLINUX_GUARDED_LOAD(bits, instruction)                                               \
  static inline clinux_guarded clinux_guarded_load##bits(const void *address) {              \
    clinux_guarded r = {0, 0};                                                               \
    __asm__ volatile(CLINUX_GUARD(instruction)                                               \
                     : [value] "+r"(r.value), [failed] "+r"(r.failed)                        \
                     : [address] "r"(address)                                                \
                     : "memory");                                                            \
    return r;                                                                                \
  }
CLINUX_GUARDED_LOAD(8, "movzbl (%[address]), %k[value]")
CLINUX_GUARDED_LOAD(16, "movzwl (%[address]), %k[value]")
CLINUX_GUARDED_LOAD(32, "movl (%[address]), %k[value]")
CLINUX_GUARDED_LOAD(64, "movq (%[address]), %[value]")

#define CLINUX_GUARDED_STORE(bits, instruction)                                              \
  static inline uint32_t clinux_guarded_store##bits(void *address, uint64_t value) {         \
    uint32_t failed = 0;                                                                     \
    __asm__ volatile(CLINUX_GUARD(instruction)                                               \
                     : [failed] "+r"(failed)                                                 \
                     : [address] "r"(address), [value] "r"(value)                            \
                     : "memory");                                                            \
    return failed;                                                                           \
  }
CLINUX_GUARDED_STORE(8, "movb %b[value], (%[address])")
CLINUX_GUARDED_STORE(16, "movw %w[value], (%[address])")
CLINUX_GUARDED_STORE(32, "movl %k[value], (%[address])")
CLINUX_GUARDED_STORE(64, "movq %[value], (%[address])")

/// Replaces `expected` by `value` if it is what lies there; the value answered is what lay there.
#define CLINUX_GUARDED_EXCHANGE(bits, instruction)                                           \
  static inline clinux_guarded clinux_guarded_compare_exchange##bits(                        \
      void *address, uint64_t expected, uint64_t value) {                                    \
    clinux_guarded r = {expected, 0};                                                        \
    __asm__ volatile(CLINUX_GUARD(instruction)                                               \
                     : [found] "+a"(r.value), [failed] "+r"(r.failed)                        \
                     : [address] "r"(address), [value] "r"(value)                            \
                     : "memory", "cc");                                                      \
    return r;                                                                                \
  }
CLINUX_GUARDED_EXCHANGE(32, "lock cmpxchgl %k[value], (%[address])")
CLINUX_GUARDED_EXCHANGE(64, "lock cmpxchgq %[value], (%[address])")

/// Copies octets that do not overlap; 1 if either side faulted, and then any number of them may have been copied.
static inline uint32_t clinux_guarded_copy(void *to, const void *from, uint64_t count) {
  uint32_t failed = 0;
  __asm__ volatile(CLINUX_GUARD("rep movsb")
                   : [failed] "+r"(failed), "+D"(to), "+S"(from), "+c"(count)
                   :
                   : "memory");
  return failed;
}
#else
// Elsewhere nothing is recovered yet: a fault goes to the handler that was there before.
#include <string.h>
#define CLINUX_GUARDED_ACCESS(bits)                                                          \
  static inline clinux_guarded clinux_guarded_load##bits(const void *address) {              \
    uint##bits##_t value;                                                                    \
    memcpy(&value, address, sizeof value);                                                   \
    return (clinux_guarded){value, 0};                                                       \
  }                                                                                          \
  static inline uint32_t clinux_guarded_store##bits(void *address, uint64_t value) {         \
    uint##bits##_t narrow = (uint##bits##_t)value;                                           \
    memcpy(address, &narrow, sizeof narrow);                                                 \
    return 0;                                                                                \
  }
CLINUX_GUARDED_ACCESS(8)
CLINUX_GUARDED_ACCESS(16)
CLINUX_GUARDED_ACCESS(32)
CLINUX_GUARDED_ACCESS(64)
#define CLINUX_GUARDED_EXCHANGE(bits)                                                        \
  static inline clinux_guarded clinux_guarded_compare_exchange##bits(                        \
      void *address, uint64_t expected, uint64_t value) {                                    \
    uint##bits##_t found = (uint##bits##_t)expected;                                         \
    __atomic_compare_exchange_n((uint##bits##_t *)address, &found, (uint##bits##_t)value, 0, \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                         \
    return (clinux_guarded){found, 0};                                                       \
  }
CLINUX_GUARDED_EXCHANGE(32)
CLINUX_GUARDED_EXCHANGE(64)
static inline uint32_t clinux_guarded_copy(void *to, const void *from, uint64_t count) {
  memcpy(to, from, count);
  return 0;
}
#endif
