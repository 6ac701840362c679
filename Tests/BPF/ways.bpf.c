// SPDX-License-Identifier: Apache-2.0
// Looks up where packets for one destination after the other would go: the kernel's own answers, to compare ours with.
#include "../CTestSupport/include/ways.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct way);
} ways SEC(".maps");

SEC("xdp")
int look(struct xdp_md *context) {
  __u32 zero = 0;
  struct way *way = bpf_map_lookup_elem(&ways, &zero);
  if (!way) return XDP_ABORTED;
  struct bpf_fib_lookup lookup = {};
  lookup.ifindex = way->ingress;
  lookup.tot_len = way->length;
  if (way->is_ipv6) {
    lookup.family = AF_INET6;
    __builtin_memcpy(lookup.ipv6_dst, way->destination, 16);
  } else {
    lookup.family = AF_INET;
    __builtin_memcpy(&lookup.ipv4_dst, way->destination, 4);
  }
  way->result = bpf_fib_lookup(context, &lookup, sizeof lookup, 0);
  way->interface = lookup.ifindex;
  __builtin_memcpy(way->target, lookup.dmac, 6);
  __builtin_memcpy(way->source, lookup.smac, 6);
  return XDP_PASS;
}

// The kernel lends this helper to programs under its own licence only.
char licence[] SEC("license") = "GPL";
