// SPDX-License-Identifier: Apache-2.0
// What a test and its kernel program (Tests/BPF/adjustments.bpf.c) tell each other, through the one value of a map.
#pragma once

#include <linux/types.h>

enum adjustment { ADJUST_HEAD, ADJUST_TAIL, ADJUST_METADATA, LOAD, STORE, PULL };

#define STEP_LIMIT 8
#define STEP_OCTETS 64

struct step {
  __u32 operation;
  __s32 argument;
  __u32 count;  // of octets to load or store, 1 to STEP_OCTETS
  // Answers: what the kernel returned, and the packet as it is afterwards.
  __s32 result;
  __u32 length, linear, metadata;
  __u32 unused;
  __u8 octets[STEP_OCTETS];
};

struct adjustments {
  __u32 count;
  // The packet as the program found it.
  __u32 length, linear, metadata;
  struct step steps[STEP_LIMIT];
};
