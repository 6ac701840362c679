// SPDX-License-Identifier: Apache-2.0

// A memory model that does what its argument says once a test asks for buffers.

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xdpf_plugin.h"

int memory_finis;

struct model {
  int deed;
  uint32_t count;
  uint32_t free_count;
  uint32_t free[];
};

static int32_t init(const char *args, struct xdpf_memory *memory, void **state) {
  int deed = atoi(args);
  if (memory->struct_size < sizeof *memory || memory->file != -1) return -EINVAL;
  if (deed == 10) memory->file = memfd_create("refused", MFD_CLOEXEC);
  if (deed == 10) return -EBUSY;
  if (deed == 11) memory->buffer_size = 1000;
  if (deed == 12) memory->buffer_count = 0;
  if (deed == 13) memory->file = memfd_create("empty", MFD_CLOEXEC);
  if (deed == 14) memory->file = 1 << 20;
  if (deed == 15) memory->buffer_size = 2048;
  if (deed == 16) memory->buffer_size = 65536;
  if (deed == 17) memory->buffer_count = 1u << 30;
  uint32_t count = deed == 17 ? 1 : memory->buffer_count;
  struct model *model = malloc(sizeof *model + count * sizeof model->free[0]);
  if (!model) return -ENOMEM;
  model->deed = deed;
  model->count = model->free_count = count;
  for (uint32_t i = 0; i < count; i++) model->free[i] = count - 1 - i;
  *state = model;
  return 0;
}

static uint32_t allocate(void *state, uint32_t *buffers, uint32_t count) {
  struct model *model = state;
  uint32_t taken = 0;
  while (taken < count && model->free_count > 0) buffers[taken++] = model->free[--model->free_count];
  if (model->deed == 1 && taken > 1) buffers[1] = buffers[0];
  if (model->deed == 2 && taken > 1) buffers[1] = model->count;
  if (model->deed == 3) return 0xFFFFFFFFu;
  return taken;
}

static void recycle(void *state, const uint32_t *buffers, uint32_t count) {
  struct model *model = state;
  for (uint32_t i = 0; i < count; i++) model->free[model->free_count++] = buffers[i];
}

static void fini(void *state) {
  __atomic_fetch_add(&memory_finis, 1, __ATOMIC_RELAXED);
  free(state);
}

static const struct xdpf_memory_model model = {
    sizeof model, 0, 77, 0, init, allocate, recycle, fini};
static const struct xdpf_plugin plugin = {XDPF_ABI_VERSION, sizeof plugin, "memory", NULL, &model};

const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) { return &plugin; }
