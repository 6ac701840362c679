// SPDX-License-Identifier: Apache-2.0
// What a test and its kernel program (Tests/BPF/redirects.bpf.c) tell each other, through the one value of a map.
#pragma once

#include <linux/types.h>

enum redirect_map { TO_PORTS, TO_CPUS, TO_MARKS };

struct wish {
  __u32 map;
  __u32 key;
  __u64 flags;
};

// Where in a packet its entry's program finds its verdict, and leaves where the packet came from and where it goes.
#define VERDICT_OFFSET 14
#define INGRESS_OFFSET 16
#define EGRESS_OFFSET 20
#define MARK_OFFSET 24
#define REDIRECT_KEYS 4
