// SPDX-License-Identifier: Apache-2.0
// Calls one of the helpers for packets with whatever a test says; no verifier would let this through.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct call {
  __u64 number, argument[5];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct call);
} calls SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(key_size, 4);
  __uint(value_size, 4);
} events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} ports SEC(".maps");

typedef __u64 (*helper)(__u64, __u64, __u64, __u64, __u64);
#define CALL(id) \
  case id:       \
    return ((helper)id)(a[0], a[1], a[2], a[3], a[4])

SEC("xdp.frags")
int hostile(struct xdp_md *context) {
  __u32 key = 0;
  struct call *call = bpf_map_lookup_elem(&calls, &key);
  if (!call) return XDP_ABORTED;
  volatile __u64 *a = call->argument;
  switch (call->number) {
    CALL(23);
    CALL(25);
    CALL(44);
    CALL(51);
    CALL(54);
    CALL(65);
    CALL(69);
    CALL(188);
    CALL(189);
    CALL(190);
  }
  return XDP_DROP;
}

// A record of four octets, and the first twenty of the packet.
SEC("xdp/events")
int send(struct xdp_md *context) {
  __u32 mark = 0x04030201;
  long result = bpf_perf_event_output(context, &events, 20ull << 32 | BPF_F_CURRENT_CPU, &mark, sizeof mark);
  bpf_redirect_map(&ports, 0, 0);
  return result ? XDP_DROP : XDP_PASS;
}

// Addresses the frame to whom the way to the packet's IPv4 destination leads.
SEC("xdp/route")
int route(struct xdp_md *context) {
  unsigned char *data = (void *)(long)context->data;
  if (data + 34 > (unsigned char *)(long)context->data_end) return XDP_ABORTED;
  struct bpf_fib_lookup way = {.family = 2, .tot_len = data[16] << 8 | data[17], .ifindex = 1};
  __builtin_memcpy(&way.ipv4_dst, data + 30, 4);
  long result = bpf_fib_lookup(context, &way, sizeof way, 0);
  if (result == BPF_FIB_LKUP_RET_BLACKHOLE) return XDP_DROP;
  if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED) return way.mtu_result == 1500 ? 7 : XDP_ABORTED;
  if (result) return XDP_PASS;
  __builtin_memcpy(data, way.dmac, 6);
  __builtin_memcpy(data + 6, way.smac, 6);
  data[12] = way.ifindex;
  return XDP_TX;
}

// Every port but the one that the packet came by.
SEC("xdp")
int flood(struct xdp_md *context) {
  return bpf_redirect_map(&ports, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

char _license[] SEC("license") = "Dual MIT/GPL";
