// SPDX-License-Identifier: Apache-2.0
// Does to the packet what the map says, step by step, and notes each answer: the kernel's own, to compare ours with.
#include "../CTestSupport/include/adjustments.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int bpf_xdp_pull_data(struct xdp_md *context, __u32 length) __ksym;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct adjustments);
} script SEC(".maps");

static __noinline int take(struct xdp_md *context, struct step *step) {
  __u32 count = ((step->count - 1) & (STEP_OCTETS - 1)) + 1;
  switch (step->operation) {
    case ADJUST_HEAD: return bpf_xdp_adjust_head(context, step->argument);
    case ADJUST_TAIL: return bpf_xdp_adjust_tail(context, step->argument);
    case ADJUST_METADATA: return bpf_xdp_adjust_meta(context, step->argument);
    case LOAD: return bpf_xdp_load_bytes(context, step->argument, step->octets, count);
    case STORE: return bpf_xdp_store_bytes(context, step->argument, step->octets, count);
    case PULL: return bpf_xdp_pull_data(context, step->argument);
    default: return -9999;
  }
}

SEC("xdp.frags")
int adjustments(struct xdp_md *context) {
  __u32 key = 0;
  struct adjustments *script_value = bpf_map_lookup_elem(&script, &key);
  if (!script_value) return XDP_ABORTED;
  script_value->length = bpf_xdp_get_buff_len(context);
  script_value->linear = context->data_end - context->data;
  script_value->metadata = context->data - context->data_meta;
  for (int i = 0; i < STEP_LIMIT; i++) {
    if (i >= script_value->count) break;
    struct step *step = &script_value->steps[i];
    step->result = take(context, step);
    step->length = bpf_xdp_get_buff_len(context);
    step->linear = context->data_end - context->data;
    step->metadata = context->data - context->data_meta;
  }
  return XDP_PASS;
}

// The kernel lends these helpers to programs under its own licence only.
char licence[] SEC("license") = "GPL";
