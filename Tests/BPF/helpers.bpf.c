// SPDX-License-Identifier: Apache-2.0
// One program for each group of helpers; what they answer goes into the packet, where a test compares it.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAP(name, kind, entries, key_type, value_type) \
  struct {                                             \
    __uint(type, kind);                                \
    __uint(max_entries, entries);                      \
    __type(key, key_type);                             \
    __type(value, value_type);                         \
  } name SEC(".maps")

struct answers {
  __s64 word[6];
};

struct locked {
  struct bpf_spin_lock lock;
  __u32 count;
};

MAP(by_address, BPF_MAP_TYPE_HASH, 64, __u32, __u64);
MAP(recent, BPF_MAP_TYPE_LRU_HASH, 4096, __u32, __u64);
MAP(per_cpu, BPF_MAP_TYPE_PERCPU_HASH, 64, __u16, struct answers);
MAP(totals, BPF_MAP_TYPE_PERCPU_ARRAY, 4, __u32, __u64);
MAP(lengths, BPF_MAP_TYPE_ARRAY, 16, __u32, __u64);
MAP(guarded, BPF_MAP_TYPE_ARRAY, 1, __u32, struct locked);
MAP(cpus, BPF_MAP_TYPE_CPUMAP, 4, __u32, struct bpf_cpumap_val);
MAP(ports, BPF_MAP_TYPE_DEVMAP, 4, __u32, __u32);

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 64);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(key_size, 8);
  __uint(value_size, 8);
} routes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, 5);
  __type(value, __u32);
} waiting SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_STACK);
  __uint(max_entries, 5);
  __type(value, __u32);
} piled SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} records SEC(".maps");

struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u64);
} even SEC(".maps"), odd SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 3);
  __type(key, __u32);
  __array(values, struct inner);
} halves SEC(".maps") = {.values = {[0] = &even, [1] = &odd}};

int last(struct xdp_md *context);
int again(struct xdp_md *context);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 3);
  __uint(key_size, 4);
  __array(values, int(void *));
} chain SEC(".maps") = {.values = {[0] = (void *)&last, [1] = (void *)&again}};

__u64 runs;
const volatile __u32 step = 3;

// The answers replace the first octets behind the Ethernet header, where there is room.
static __always_inline void answer(struct xdp_md *context, struct answers *answers) {
  bpf_xdp_store_bytes(context, sizeof(struct ethhdr), answers, sizeof *answers);
}

static __always_inline __u32 address(struct xdp_md *context) {
  __u32 word = 0;
  bpf_xdp_load_bytes(context, 26, &word, sizeof word);
  return word;
}

SEC("xdp.frags")
int maps(struct xdp_md *context) {
  struct answers answers = {};
  __u32 key = address(context), zero = 0;
  __u64 one = 1, *count = bpf_map_lookup_elem(&by_address, &key);
  if (count) __sync_fetch_and_add(count, 1);
  else answers.word[0] = bpf_map_update_elem(&by_address, &key, &one, BPF_NOEXIST);
  answers.word[1] = bpf_map_update_elem(&by_address, &key, &one, BPF_NOEXIST);
  __u32 wrong = 77;
  answers.word[2] = bpf_map_update_elem(&by_address, &wrong, &one, BPF_EXIST);
  answers.word[3] = bpf_map_delete_elem(&by_address, &wrong);
  if ((key & 0xff000000) == 0x05000000) answers.word[4] = bpf_map_delete_elem(&by_address, &key);
  bpf_map_update_elem(&recent, &key, &one, BPF_ANY);
  count = bpf_map_lookup_elem(&totals, &zero);
  if (count) *count += bpf_xdp_get_buff_len(context);
  __u16 small = key >> 24;
  struct answers *mine = bpf_map_lookup_elem(&per_cpu, &small);
  if (mine) mine->word[small & 3]++;
  else answers.word[5] = bpf_map_update_elem(&per_cpu, &small, &answers, BPF_ANY);
  answer(context, &answers);
  return small & 1 ? XDP_PASS : XDP_TX;
}

SEC("xdp.frags")
int prefixes(struct xdp_md *context) {
  struct { __u32 bits, address; } key = {32, address(context)};
  struct answers answers = {};
  __u64 *value = bpf_map_lookup_elem(&routes, &key);
  answers.word[0] = value ? *value : -1;
  key.bits = 20 + bpf_ntohl(key.address) % 13;
  __u64 next = key.bits;
  answers.word[1] = bpf_map_update_elem(&routes, &key, &next, runs++ % 3);
  if (runs % 7 == 0) answers.word[2] = bpf_map_delete_elem(&routes, &key);
  key.bits = 33;
  answers.word[3] = bpf_map_update_elem(&routes, &key, &next, 0);
  answers.word[4] = !bpf_map_lookup_elem(&routes, &key);
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int queues(struct xdp_md *context) {
  __u32 word = address(context), out = 9;
  struct answers answers = {};
  answers.word[0] = bpf_map_push_elem(&waiting, &word, word & 0x01000000 ? BPF_EXIST : 0);
  answers.word[1] = bpf_map_push_elem(&piled, &word, 0);
  if (word & 0x02000000) answers.word[2] = bpf_map_pop_elem(&waiting, &out);
  answers.word[3] = out;
  if (word & 0x04000000) answers.word[2] = bpf_map_pop_elem(&piled, &out);
  answers.word[4] = (__u64)out << 32 | (__u32)bpf_map_peek_elem(&piled, &word);
  answers.word[5] = word;
  answer(context, &answers);
  return XDP_DROP;
}

static long add(__u32 index, void *state) {
  *(__u64 *)state += index;
  return index == 40;
}

static long sum(void *map, __u32 *key, __u64 *value, __u64 *state) {
  *state += *value + *key;
  return *key == 12;
}

SEC("xdp.frags")
int loops(struct xdp_md *context) {
  struct answers answers = {};
  __u64 total = 0;
  __u32 key = bpf_xdp_get_buff_len(context) & 15;
  __u64 *value = bpf_map_lookup_elem(&lengths, &key);
  if (value) *value += step;
  answers.word[0] = bpf_loop(key * 4, add, &total, 0);
  answers.word[1] = bpf_loop(9000000, add, &total, 0);
  answers.word[2] = bpf_for_each_map_elem(&lengths, sum, &total, 0);
  answers.word[3] = bpf_for_each_map_elem(&lengths, sum, &total, 1);
  answers.word[4] = total;
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int text(struct xdp_md *context) {
  struct answers answers = {};
  char name[8] = {}, line[40] = {};
  __u64 values[4] = {(__u64)(long)name, 0, 0, 0};
  bpf_xdp_load_bytes(context, 10, name, 4);
  values[1] = bpf_xdp_get_buff_len(context);
  values[2] = -5;
  values[3] = (__u64)name[1] << 40;
  name[0] = 'n';
  name[1] = name[1] & 1 ? 'a' : 'b';
  name[2] = 0;
  answers.word[0] = bpf_strncmp(name, sizeof name, "na");
  answers.word[1] = BPF_SNPRINTF(line, sizeof line, "%s %6u|%d|%llx%%", values[0], values[1], values[2], values[3]);
  answers.word[2] = bpf_snprintf(line, 6, "%05d", &values[1], 8);
  __builtin_memcpy(&answers.word[3], line, 24);
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int checksums(struct xdp_md *context) {
  struct answers answers = {};
  __be32 octets[16] = {}, others[4] = {};
  bpf_xdp_load_bytes(context, 0, octets, 14);
  answers.word[0] = bpf_csum_diff(0, 0, octets, 64, 0);
  answers.word[1] = bpf_csum_diff(octets, 16, octets + 2, 32, 0x12345678);
  answers.word[2] = bpf_csum_diff(octets, 64, 0, 0, octets[1]);
  answers.word[3] = bpf_csum_diff(octets, 4, octets, 4, 0);
  answers.word[4] = bpf_csum_diff(0, 0, others, 16, 0);
  answers.word[5] = bpf_csum_diff(others, 16, others, 16, 0xffff);
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int borders(struct xdp_md *context) {
  struct answers answers = {};
  __u32 length = bpf_xdp_get_buff_len(context);
  answers.word[0] = bpf_xdp_adjust_head(context, (int)(length & 63) - 32);
  answers.word[1] = bpf_xdp_adjust_meta(context, -(int)(length & 31));
  answers.word[2] = bpf_xdp_adjust_tail(context, (int)(length % 800) - 500);
  answers.word[3] = bpf_xdp_adjust_head(context, 70000);
  answers.word[4] = (__u64)bpf_xdp_get_buff_len(context) << 32 | (context->data_end - context->data);
  answers.word[5] = (__u64)context->ingress_ifindex << 32 | context->rx_queue_index | (context->data - context->data_meta) << 8;
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int records_and_locks(struct xdp_md *context) {
  struct answers answers = {};
  __u32 length = bpf_xdp_get_buff_len(context), zero = 0;
  struct locked *value = bpf_map_lookup_elem(&guarded, &zero);
  if (value) {
    bpf_spin_lock(&value->lock);
    answers.word[0] = ++value->count;
    bpf_spin_unlock(&value->lock);
  }
  answers.word[1] = bpf_ringbuf_output(&records, &length, sizeof length, BPF_RB_NO_WAKEUP);
  __u64 *record = bpf_ringbuf_reserve(&records, 24, 0);
  answers.word[2] = !record;
  if (record) {
    record[0] = length;
    if (length & 1) bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
    else bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
  }
  answers.word[3] = bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) << 32 | bpf_ringbuf_query(&records, BPF_RB_RING_SIZE);
  answers.word[4] = bpf_ringbuf_query(&records, BPF_RB_PROD_POS) << 32 | bpf_ringbuf_query(&records, BPF_RB_CONS_POS);
  answers.word[5] = bpf_ringbuf_output(&records, &length, 4, 64);
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int targets(struct xdp_md *context) {
  struct answers answers = {};
  __u32 length = bpf_xdp_get_buff_len(context);
  answers.word[0] = bpf_redirect_map(&cpus, length & 7, length >> 3 & 3);
  answers.word[1] = bpf_redirect_map(&ports, length & 7, 3);
  answers.word[2] = bpf_redirect_map(&ports, length & 7, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
  answers.word[3] = bpf_redirect_map(&cpus, 0, BPF_F_BROADCAST);
  answers.word[4] = bpf_redirect_map(&ports, 1, 1 << 20);
  answer(context, &answers);
  return bpf_redirect_map(&cpus, 9, XDP_TX);
}

SEC("xdp.frags")
int maps_of_maps(struct xdp_md *context) {
  struct answers answers = {};
  __u32 length = bpf_xdp_get_buff_len(context), half = length & 3, index = length >> 2 & 3;
  void *inner = bpf_map_lookup_elem(&halves, &half);
  if (!inner) return XDP_DROP;
  __u64 *value = bpf_map_lookup_elem(inner, &index);
  if (!value) return XDP_ABORTED;
  *value += 1;
  answers.word[0] = *value;
  answer(context, &answers);
  return XDP_PASS;
}

SEC("xdp.frags")
int again(struct xdp_md *context) {
  runs++;
  bpf_tail_call(context, &chain, 1);
  return XDP_DROP;
}

SEC("xdp.frags")
int last(struct xdp_md *context) {
  struct answers answers = {};
  answers.word[0] = ++runs;
  answer(context, &answers);
  return XDP_TX;
}

SEC("xdp.frags")
int jumps(struct xdp_md *context) {
  bpf_tail_call(context, &chain, bpf_xdp_get_buff_len(context) & 3);
  return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
