// SPDX-License-Identifier: Apache-2.0
#include "../Sources/CPeers/include/programs.h"
#include <linux/bpf.h>

#define PROGRAM(name, call)                                                            \
  __attribute__((section("xdp"), used)) int name(struct xdp_md *context) {             \
    const uint8_t *p = (const uint8_t *)(uintptr_t)context->data;                      \
    const uint8_t *end = (const uint8_t *)(uintptr_t)context->data_end;                \
    (void)p, (void)end;                                                                \
    return call;                                                                       \
  }

PROGRAM(drop, program_drop())
PROGRAM(parse, program_parse(p, end))
PROGRAM(checksum, program_checksum(p, end, 1500))
