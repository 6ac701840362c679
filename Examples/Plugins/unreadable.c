// SPDX-License-Identifier: Apache-2.0

// A memory model whose octets the CPU may not read, such as the memory of a graphics card: the host gives its buffers
// places and descriptors, and maps nothing. What came home first goes out first.

#include <stdlib.h>

#include "xdpf_plugin.h"

struct model {
  uint32_t capacity;
  uint32_t first;
  uint32_t count;
  uint32_t free[];
};

static int32_t init(const char *args, struct xdpf_memory *memory, void **state) {
  uint32_t capacity = memory->buffer_count;
  struct model *model = malloc(sizeof *model + capacity * sizeof model->free[0]);
  if (!model) return -ENOMEM;
  *model = (struct model){.capacity = capacity, .count = capacity};
  for (uint32_t i = 0; i < capacity; i++) model->free[i] = i;
  *state = model;
  return 0;
}

static uint32_t allocate(void *state, uint32_t *buffers, uint32_t count) {
  struct model *model = state;
  uint32_t taken = 0;
  for (; taken < count && model->count > 0; taken++, model->count--) {
    buffers[taken] = model->free[model->first];
    model->first = (model->first + 1) % model->capacity;
  }
  return taken;
}

static void recycle(void *state, const uint32_t *buffers, uint32_t count) {
  struct model *model = state;
  for (uint32_t i = 0; i < count; i++)
    model->free[(model->first + model->count++) % model->capacity] = buffers[i];
}

static void fini(void *state) { free(state); }

static const struct xdpf_memory_model model = {
    sizeof model, XDPF_MEMORY_UNREADABLE, XDPF_MEMORY_FIRST_KIND + 1, 0,
    init, allocate, recycle, fini};
static const struct xdpf_plugin plugin = {
    XDPF_ABI_VERSION, sizeof plugin, "unreadable", NULL, &model};

const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) { return &plugin; }
