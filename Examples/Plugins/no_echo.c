// SPDX-License-Identifier: Apache-2.0

#include "xdpf_plugin.h"

static int32_t init(const struct xdpf_host *host, const char *args, void **state) { return 0; }

// Drops UDP to port 7, passes everything else.
static void run_burst(void *state, struct xdpf_buff *buffs, uint32_t count, uint32_t *verdicts) {
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *port = xdpf_at(&buffs[i], 36, 2);
    verdicts[i] = port && port[0] == 0 && port[1] == 7 ? XDPF_DROP : XDPF_PASS;
  }
}

static void fini(void *state) {}

static const struct xdpf_program program = {
    sizeof program, XDPF_PROGRAM_FRAGMENTS, init, run_burst, fini};
static const struct xdpf_plugin plugin = {XDPF_ABI_VERSION, sizeof plugin, "no-echo", &program};

const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) { return &plugin; }
