// SPDX-License-Identifier: Apache-2.0
// What a test and its kernel program (Tests/BPF/ways.bpf.c) tell each other, through the one value of a map.
#pragma once

#include <linux/types.h>

// Where packets for a destination go, as bpf_fib_lookup() says.
struct way {
  __u8 destination[16];
  __u32 is_ipv6;
  __u32 ingress;
  __u16 length;
  __u16 unused;
  // Answers.
  __s32 result;
  __u32 interface;
  __u8 target[6];
  __u8 source[6];
};
