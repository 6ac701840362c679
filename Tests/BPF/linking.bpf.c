// SPDX-License-Identifier: Apache-2.0
// One of everything that an object can hold and a linker has to resolve.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counter {
  __u64 frames;
  __u64 octets;
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct counter);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 100);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(key_size, 8);
  __uint(value_size, 4);
} routes SEC(".maps");

struct shard {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u16);
  __type(value, __u64);
} first_shard SEC(".maps"), second_shard SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 3);
  __type(key, __u32);
  __array(values, struct shard);
} shards SEC(".maps") = {.values = {[0] = &first_shard, [2] = &second_shard}};

int tail(struct xdp_md *context);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 2);
  __uint(key_size, 4);
  __array(values, int(void *));
} jumps SEC(".maps") = {.values = {[1] = (void *)&tail}};

const volatile __u32 verdict = XDP_PASS;
__u64 weight = 7;
__u64 seen;
static volatile __u32 hidden = 5;

__noinline int shared(__u32 value) {
  volatile __u32 result = value + hidden;
  return result;
}

static __noinline int local(__u32 value) { return shared(value) + 1; }

static long step(__u32 index, void *state) {
  *(__u64 *)state += index;
  return 0;
}

SEC("xdp")
int whole(struct xdp_md *context) {
  __u32 key = 0;
  struct counter *counter = bpf_map_lookup_elem(&counters, &key);
  if (counter) counter->frames += weight;
  __u64 sum = 0;
  bpf_loop(4, step, &sum, 0);
  seen += sum + local(key) + shared(2);
  bpf_map_lookup_elem(&routes, &sum);
  bpf_map_lookup_elem(&shards, &key);
  bpf_tail_call(context, &jumps, 1);
  return verdict;
}

SEC("xdp/tail")
int tail(struct xdp_md *context) { return shared(1) == 6 ? XDP_TX : XDP_ABORTED; }

SEC("xdp.frags")
int pieces(struct xdp_md *context) { return XDP_DROP; }

SEC("somewhere")
__attribute__((used)) static int unlisted(struct xdp_md *context) { return XDP_TX; }

char _license[] SEC("license") = "Dual MIT/GPL";
