// SPDX-License-Identifier: Apache-2.0
// Redirects as the map says; programs of a device map's entries.
#include "../CTestSupport/include/redirects.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct wish);
} wishes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, REDIRECT_KEYS);
  __type(key, __u32);
  __type(value, struct bpf_devmap_val);
} ports SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, REDIRECT_KEYS);
  __type(key, __u32);
  __type(value, struct bpf_devmap_val);
} marks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CPUMAP);
  __uint(max_entries, REDIRECT_KEYS);
  __type(key, __u32);
  __type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

SEC("xdp")
int ask(struct xdp_md *context) {
  __u32 zero = 0;
  struct wish *wish = bpf_map_lookup_elem(&wishes, &zero);
  if (!wish) return XDP_DROP;
  switch (wish->map) {
    case TO_PORTS: return bpf_redirect_map(&ports, wish->key, wish->flags);
    case TO_CPUS: return bpf_redirect_map(&cpus, wish->key, wish->flags);
    default: return bpf_redirect_map(&marks, wish->key, wish->flags);
  }
}

// Gives a packet the verdict that it says itself.
SEC("xdp/devmap")
int leave(struct xdp_md *context) {
  __u8 *data = (__u8 *)(long)context->data;
  if (data + MARK_OFFSET > (__u8 *)(long)context->data_end) return XDP_ABORTED;
  *(__u32 *)(data + INGRESS_OFFSET) = context->ingress_ifindex;
  *(__u32 *)(data + EGRESS_OFFSET) = context->egress_ifindex;
  return data[VERDICT_OFFSET];
}

char licence[] SEC("license") = "Apache-2.0";
