// SPDX-License-Identifier: Apache-2.0

// A memory model in pages of 2 MiB, or in ordinary ones where the machine has none to give. What came home last goes
// out first, because it is still in the cache.

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xdpf_plugin.h"

#define HUGE_PAGE (2u << 20)

struct model {
  uint32_t free_count;
  uint32_t free[];
};

// A file of `length` octets whose memory is all there; -1 where there is not so much.
static int memory_file(size_t length, unsigned flags) {
  int file = memfd_create("huge-pages", MFD_CLOEXEC | flags);
  if (file < 0) return -1;
  if (ftruncate(file, (off_t)length) == 0) {
    void *all = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (all != MAP_FAILED) {
      munmap(all, length);
      return file;
    }
  }
  close(file);
  return -1;
}

static int32_t init(const char *args, struct xdpf_memory *memory, void **state) {
  // As many buffers as whole huge pages have.
  uint32_t per_page = HUGE_PAGE / memory->buffer_size;
  if (memory->buffer_count > 1u << 20) return -EINVAL;
  memory->buffer_count = (memory->buffer_count + per_page - 1) / per_page * per_page;
  size_t length = (size_t)memory->buffer_count * memory->buffer_size;
  memory->file = memory_file(length, MFD_HUGETLB);
  if (memory->file < 0) memory->file = memory_file(length, MFD_ALLOW_SEALING);
  if (memory->file < 0) return -ENOMEM;
  struct model *model = malloc(sizeof *model + memory->buffer_count * sizeof model->free[0]);
  if (!model) return -ENOMEM;
  model->free_count = memory->buffer_count;
  for (uint32_t i = 0; i < memory->buffer_count; i++) model->free[i] = memory->buffer_count - 1 - i;
  *state = model;
  return 0;
}

static uint32_t allocate(void *state, uint32_t *buffers, uint32_t count) {
  struct model *model = state;
  uint32_t taken = 0;
  while (taken < count && model->free_count > 0) buffers[taken++] = model->free[--model->free_count];
  return taken;
}

static void recycle(void *state, const uint32_t *buffers, uint32_t count) {
  struct model *model = state;
  for (uint32_t i = 0; i < count; i++) model->free[model->free_count++] = buffers[i];
}

static void fini(void *state) { free(state); }

static const struct xdpf_memory_model model = {
    sizeof model, 0, XDPF_MEMORY_FIRST_KIND, 0, init, allocate, recycle, fini};
static const struct xdpf_plugin plugin = {
    XDPF_ABI_VERSION, sizeof plugin, "huge-pages", NULL, &model};

const struct xdpf_plugin *xdpf_plugin_entry(uint32_t host_version) { return &plugin; }
