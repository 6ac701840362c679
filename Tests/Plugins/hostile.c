// SPDX-License-Identifier: Apache-2.0

// Does to every second packet of a burst what its argument says, and passes the others.

#include <stdlib.h>
#include <string.h>

#include "xdpf_plugin.h"

struct state {
  const struct xdpf_host *host;
  int deed;
};

static int32_t init(const struct xdpf_host *host, const char *args, void **state) {
  struct state *mine = malloc(sizeof *mine);
  if (!mine) return -ENOMEM;
  mine->host = host;
  mine->deed = atoi(args);
  *state = mine;
  return 0;
}

static uint32_t act(const struct state *mine, struct xdpf_buff *buff) {
  switch (mine->deed) {
    case 0: buff->data_end += 4096; return XDPF_TX;
    case 1: buff->data -= 300; return XDPF_PASS;
    case 2: buff->hard_start += 1 << 20; return XDPF_PASS;
    case 3: buff->flags ^= XDPF_BUFF_HAS_FRAGMENTS; return XDPF_DROP;
    case 4: buff->queue = NULL; return XDPF_PASS;
    case 5: buff->frame_size = ~0u; return XDPF_PASS;
    case 6: buff->data_meta = NULL; return XDPF_PASS;
    case 7: memset(buff, 0, sizeof *buff); return XDPF_PASS;
    // What it breaks first it cannot have moved: the host's functions answer with an error.
    case 8: buff->data_end += 1 << 30; return xdpf_adjust_head(mine->host, buff, 4) ? XDPF_TX : XDPF_PASS;
    default: return XDPF_PASS;
  }
}

static uint32_t act_unseen(const struct state *mine, struct xdpf_buff *buff) {
  struct xdpf_buff copy = *buff;
  switch (mine->deed) {
    case 9: return 5;
    case 10: return 0xFFFFFFFFu;
    case 11: xdpf_redirect(buff, 60000, 7, XDPF_DROP); return XDPF_REDIRECT;
    // Packets that are not of the burst.
    case 12: return xdpf_adjust_tail(mine->host, &copy, -1) == -EINVAL ? XDPF_DROP : XDPF_PASS;
    case 13: return xdpf_adjust_tail(mine->host, buff + 64, -1) == -EINVAL ? XDPF_DROP : XDPF_PASS;
    case 14:
      return xdpf_adjust_tail(mine->host, (struct xdpf_buff *)((char *)buff + 8), -1) == -EINVAL
                 ? XDPF_DROP : XDPF_PASS;
    case 15: return xdpf_adjust_head(mine->host, buff, INT32_MIN) == -EINVAL ? XDPF_DROP : XDPF_PASS;
    case 16: return xdpf_adjust_tail(mine->host, buff, INT32_MAX) == -EINVAL ? XDPF_DROP : XDPF_PASS;
    case 17: return xdpf_pull_data(mine->host, buff, UINT32_MAX) == -EINVAL ? XDPF_DROP : XDPF_PASS;
    case 18:
      return xdpf_load_bytes(mine->host, buff, UINT32_MAX, &copy, 1) == -EFAULT ? XDPF_DROP : XDPF_PASS;
    default: return XDPF_PASS;
  }
}

static void run_burst(void *state, struct xdpf_buff *buffs, uint32_t count, uint32_t *verdicts) {
  const struct state *mine = state;
  for (uint32_t i = 0; i < count; i++) {
    if (mine->deed == 19 && i % 2 == 0) continue;  // forgets to give a verdict
    verdicts[i] = XDPF_PASS;
    if (i % 2 == 0) verdicts[i] = mine->deed < 9 ? act(mine, &buffs[i]) : act_unseen(mine, &buffs[i]);
  }
}

static void fini(void *state) { free(state); }

static const struct xdpf_program program = {
    sizeof program, XDPF_PROGRAM_FRAGMENTS, init, run_burst, fini};
static const struct xdpf_plugin plugin = {XDPF_ABI_VERSION, sizeof plugin, "hostile", &program};

const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) { return &plugin; }
