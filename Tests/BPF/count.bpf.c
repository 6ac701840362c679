// SPDX-License-Identifier: Apache-2.0
// Counts frames and octets, for each CPU by itself, and gives a verdict that is set before it is loaded.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counter {
  __u64 frames, octets;
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct counter);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CPUMAP);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

const volatile __u32 verdict = XDP_PASS;
const volatile __u32 cpu_count = 1;

SEC("xdp.frags")
int count(struct xdp_md *context) {
  __u32 key = 0;
  struct counter *counter = bpf_map_lookup_elem(&counters, &key);
  if (!counter) return XDP_ABORTED;
  counter->frames++;
  counter->octets += bpf_xdp_get_buff_len(context);
  return verdict;
}

// By the last octets of the Ethernet addresses, as good as any other hash for a test.
SEC("xdp.frags/steer")
int steer(struct xdp_md *context) {
  unsigned char octets[12];
  if (bpf_xdp_load_bytes(context, 0, octets, sizeof octets)) return XDP_DROP;
  return bpf_redirect_map(&cpus, (octets[5] + octets[11] + bpf_xdp_get_buff_len(context)) % cpu_count, XDP_DROP);
}

// Never ends, and reads where nothing is: what a verifier refuses, a sandbox survives.
SEC("xdp.frags/endless")
int endless(struct xdp_md *context) {
  for (volatile __u32 i = 1; i; i |= 1) {
  }
  return XDP_PASS;
}

SEC("xdp.frags/wild")
int wild(struct xdp_md *context) { return *(volatile __u32 *)(long)0x40 ? XDP_PASS : XDP_DROP; }

char _license[] SEC("license") = "Dual MIT/GPL";
