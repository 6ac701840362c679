// SPDX-License-Identifier: Apache-2.0

// One plugin for each way to be refused; DEFECT says which.

#include "xdpf_plugin.h"

#define NO_ENTRY 1
#define DECLINES 2
#define OLD_VERSION 3
#define SHORT_TABLE 4
#define LONG_TABLE 5
#define SHORT_PROGRAM 6
#define LONG_PROGRAM 7
#define NO_NAME 8
#define NO_INIT 9
#define NO_RUN 10
#define NO_FINI 11
#define UNKNOWN_FLAG 12
#define NO_PROGRAM 13
#define INIT_REFUSES 14
#define MISSING_SYMBOL 15
#define KERNEL_KIND 16
#define LONG_MODEL 17
#define NO_RECYCLE 18

#if DEFECT == MISSING_SYMBOL
void nobody_has_this(void);
#endif

static int32_t init(const struct xdpf_host *host, const char *args, void **state) {
  return DEFECT == INIT_REFUSES ? -ENODEV : 0;
}

static void run_burst(void *state, struct xdpf_buff *buffs, uint32_t count, uint32_t *verdicts) {
#if DEFECT == MISSING_SYMBOL
  nobody_has_this();
#endif
}

static void fini(void *state) {}

static const struct xdpf_program program = {
    sizeof program + (DEFECT == LONG_PROGRAM ? 8 : DEFECT == SHORT_PROGRAM ? -8 : 0),
    DEFECT == UNKNOWN_FLAG ? 0x80 : XDPF_PROGRAM_FRAGMENTS,
    DEFECT == NO_INIT ? NULL : init,
    DEFECT == NO_RUN ? NULL : run_burst,
    DEFECT == NO_FINI ? NULL : fini};

#if DEFECT == KERNEL_KIND || DEFECT == LONG_MODEL || DEFECT == NO_RECYCLE
static int32_t init_model(const char *args, struct xdpf_memory *memory, void **state) { return 0; }
static uint32_t allocate(void *state, uint32_t *buffers, uint32_t count) { return 0; }
static void recycle(void *state, const uint32_t *buffers, uint32_t count) {}

static const struct xdpf_memory_model model = {
    sizeof model + (DEFECT == LONG_MODEL ? 8 : 0), 0, DEFECT == KERNEL_KIND ? 3 : 4, 0,
    init_model, allocate, DEFECT == NO_RECYCLE ? NULL : recycle, fini};
#define MODEL &model
#else
#define MODEL NULL
#endif

static const struct xdpf_plugin plugin = {
    XDPF_ABI_VERSION + (DEFECT == OLD_VERSION ? 7 : 0),
    sizeof plugin + (DEFECT == LONG_TABLE ? 8 : DEFECT == SHORT_TABLE ? -8 : 0),
    DEFECT == NO_NAME ? NULL : "refused",
    DEFECT == NO_PROGRAM ? NULL : &program,
    MODEL};

#if DEFECT == NO_ENTRY
#define xdpf_plugin_entry misnamed
const struct xdpf_plugin *misnamed(uint32_t host_version);
#endif
const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) {
  return DEFECT == DECLINES ? NULL : &plugin;
}
