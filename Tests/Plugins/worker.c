// SPDX-License-Identifier: Apache-2.0

// Uses every function of the host on packets of 9000 octets, each of which is its own position modulo 251. The argument
// is the verdict of a packet for which all went as it should; the others are aborted. FLAGS are the program's.

#include <stdlib.h>
#include <string.h>

#include "xdpf_plugin.h"

// The program that this object's counters speak of; tests look at them by name.
int worker_inits;
int worker_finis;

struct state {
  const struct xdpf_host *host;
  uint32_t verdict;
};

static int32_t init(const struct xdpf_host *host, const char *args, void **state) {
  if (host->abi_version != XDPF_ABI_VERSION || host->struct_size < sizeof *host) return -EINVAL;
  struct state *mine = malloc(sizeof *mine);
  if (!mine) return -ENOMEM;
  mine->host = host;
  mine->verdict = (uint32_t)atoi(args);
  *state = mine;
  __atomic_fetch_add(&worker_inits, 1, __ATOMIC_RELAXED);
  return 0;
}

// Whether all octets are as they should be, seen fragment by fragment.
static int is_whole(const struct xdpf_host *host, struct xdpf_buff *buff) {
  uint32_t seen = 0, position = 0;
  for (const uint8_t *octet = buff->data; octet < buff->data_end; octet++, seen++)
    if (*octet != seen % 251) return 0;
  struct xdpf_fragment fragment;
  while (xdpf_next_fragment(host, buff, &position, &fragment))
    for (uint32_t i = 0; i < fragment.length; i++, seen++)
      if (fragment.data[i] != seen % 251) return 0;
  return seen == xdpf_length(host, buff);
}

// Whether loads and stores cross the border between two buffers.
static int crosses(const struct xdpf_host *host, struct xdpf_buff *buff) {
  uint8_t octets[8], border = 0xEE;
  uint32_t offset = xdpf_linear_length(buff) - 4;
  if (xdpf_load_bytes(host, buff, offset, octets, sizeof octets)) return 0;
  for (uint32_t i = 0; i < sizeof octets; i++)
    if (octets[i] != (offset + i) % 251) return 0;
  return xdpf_store_bytes(host, buff, offset + 4, &border, 1) == 0 &&
         xdpf_load_bytes(host, buff, offset + 4, octets, 1) == 0 && octets[0] == border &&
         xdpf_load_bytes(host, buff, xdpf_length(host, buff), octets, 1) == -EINVAL;
}

// Whether the borders move as they do in the kernel.
static int moves(const struct xdpf_host *host, struct xdpf_buff *buff) {
  uint32_t length = xdpf_length(host, buff), linear = xdpf_linear_length(buff);
  if (xdpf_adjust_meta(host, buff, -8) || xdpf_meta_length(buff) != 8) return 0;
  memcpy(buff->data_meta, "metadata", 8);
  if (xdpf_adjust_head(host, buff, -4) || xdpf_linear_length(buff) != linear + 4) return 0;
  if (memcmp(buff->data_meta, "metadata", 8)) return 0;
  if (xdpf_adjust_head(host, buff, -1000) != -EINVAL) return 0;
  if (xdpf_adjust_meta(host, buff, -3) != -EACCES) return 0;
  if (xdpf_adjust_tail(host, buff, -1400) || xdpf_length(host, buff) != length + 4 - 1400) return 0;
  if (host->fragment_count(host, buff) != 1) return 0;
  if (xdpf_pull_data(host, buff, linear + 4 + 16)) return 0;
  return xdpf_linear_length(buff) == linear + 20 && xdpf_at(buff, linear + 19, 1) &&
         !xdpf_at(buff, linear + 20, 1);
}

static void run_burst(void *state, struct xdpf_buff *buffs, uint32_t count, uint32_t *verdicts) {
  const struct state *mine = state;
  for (uint32_t i = 0; i < count; i++) {
    struct xdpf_buff *buff = &buffs[i];
    int ok = buff->queue->queue == 0 &&
             (!xdpf_has_fragments(buff) || (is_whole(mine->host, buff) && crosses(mine->host, buff) &&
                                            moves(mine->host, buff)));
    verdicts[i] = !ok ? XDPF_ABORTED
                  : mine->verdict == XDPF_REDIRECT ? xdpf_redirect(buff, 1, 0, XDPF_DROP)
                                                   : mine->verdict;
  }
}

static void fini(void *state) {
  __atomic_fetch_add(&worker_finis, 1, __ATOMIC_RELAXED);
  free(state);
}

#ifndef FLAGS
#define FLAGS XDPF_PROGRAM_FRAGMENTS
#endif
static const struct xdpf_program program = {sizeof program, FLAGS, init, run_burst, fini};
static const struct xdpf_plugin plugin = {XDPF_ABI_VERSION, sizeof plugin, "worker", &program};

const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) { return &plugin; }
