// SPDX-License-Identifier: Apache-2.0
// Maps as objects defined them before type information: by number, in the section `maps`.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct definition {
  unsigned int type, key_size, value_size, max_entries, map_flags;
};

struct definition SEC("maps") first = {BPF_MAP_TYPE_ARRAY, 4, 8, 2, 0};
struct definition SEC("maps") second = {BPF_MAP_TYPE_HASH, 6, 12, 1000, BPF_F_NO_PREALLOC};

SEC("from-netdev")
int classify(struct xdp_md *context) {
  __u64 key = 0;
  return bpf_map_lookup_elem(&second, &key) ? XDP_DROP : bpf_map_lookup_elem(&first, &key) ? XDP_PASS : XDP_ABORTED;
}
