// SPDX-License-Identifier: Apache-2.0

// What a plugin of xdpframe and its host agree on. This header needs nothing else of xdpframe.
//
// A plugin is a shared object that exports one function, xdpf_plugin_entry(). The host calls it once and reads from what
// it answers a program (who decides about packets), a memory model (who owns the octets), or both.
//
//     cc -shared -fPIC -O2 -Iinclude plugin.c -o plugin.so
//
// Versions. Every table begins with its own size, the first one with the version. A host accepts plugins of its own
// XDPF_ABI_VERSION only. Within a version, tables only grow at their end: a host reads as much as the plugin has, and
// refuses a plugin whose tables are longer than the ones it knows.
//
// Life. A plugin stays loaded until the process ends, because other threads may still run its code: put nothing into
// destructors of the object. What is made by `init` ends with `fini`, when nobody can reach it any more.
//
// Trust. A plugin runs with all rights of its host. The host does check what comes back from it, so that an error
// costs a packet and is counted; it cannot stop a plugin that writes wherever it likes.

#ifndef XDPF_PLUGIN_H
#define XDPF_PLUGIN_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#define XDPF_NULLABLE _Nullable
#define XDPF_NONNULL _Nonnull
#pragma clang assume_nonnull begin
#else
#define XDPF_NULLABLE
#define XDPF_NONNULL
#endif

#ifdef __cplusplus
#define XDPF_EXPORT extern "C" __attribute__((visibility("default")))
extern "C" {
#else
#define XDPF_EXPORT __attribute__((visibility("default")))
#endif

#define XDPF_ABI_VERSION 1u

// The most packets of one call.
#define XDPF_BURST 64u

// The most fragments of one packet.
#define XDPF_FRAGMENTS 17u

// Verdicts; the kernel's numbers. Any other number is counted as `bad_verdict` and drops the packet.
#define XDPF_ABORTED 0u
#define XDPF_DROP 1u
#define XDPF_PASS 2u
#define XDPF_TX 3u
#define XDPF_REDIRECT 4u

// Flags of a packet.
#define XDPF_BUFF_HAS_FRAGMENTS 1u
#define XDPF_BUFF_UNREADABLE_FRAGMENTS 4u

// Every entry of the map gets the packet, whatever the key; all but that of the port which it arrived by.
#define XDPF_REDIRECT_BROADCAST 8u
#define XDPF_REDIRECT_EXCLUDE_INGRESS 16u

// Where a packet is to go with the verdict XDPF_REDIRECT.
struct xdpf_target {
  uint16_t map;   // the map's number in the datapath; 1 is the CPU map, 2 the device map
  uint16_t flags; // the verdict where the map has nothing at the key, XDPF_ABORTED...XDPF_TX; XDPF_REDIRECT_...
  uint32_t key;
};

// The queue that a packet came in by. Only the host writes it.
struct xdpf_queue {
  uint32_t port;     // the port's number in the datapath
  uint32_t ifindex;  // the kernel's index of the interface; 0 for a port that is none
  uint32_t queue;    // the queue's index within its port
  uint32_t reserved[13];
};

// A packet: its linear part, in one buffer. Octets of fragments are reached by load, store and fragment.
//
//     hard_start     data_meta      data            data_end
//     |--- headroom ---|- metadata -|-- linear part --|--- tailroom ---|
//     |<-------------------------- frame_size ------------------------>|
//
// The octets from data to data_end may be read and written. Borders move by the host's functions. Everything but
// `target` is read-only: a packet whose fields were changed in a way that the host's functions would not is aborted
// and counted as a fault.
struct xdpf_buff {
  uint8_t *data;
  uint8_t *data_end;
  uint8_t *data_meta;
  uint8_t *hard_start;
  const struct xdpf_queue *queue;
  struct xdpf_target target;
  uint32_t frame_size;
  uint32_t flags;
};

// A part of a packet in another buffer. The octets may be read and written until the call returns.
struct xdpf_fragment {
  uint8_t *data;
  uint32_t length;
  uint32_t reserved;
};

// What a host does for a program. Pass the table on as it was passed to `init`; packets are those of the call that is
// running. Numbers are octets; results are 0 or a negative error number, the kernel's for the helper of that name.
// A refusal changes nothing. What moves a border makes older copies of `data` and `data_end` worthless.
struct xdpf_host {
  uint32_t abi_version;
  uint32_t struct_size;
  // Moves the beginning of the packet towards its end, or with a negative number towards the headroom.
  int32_t (*adjust_head)(const struct xdpf_host *host, struct xdpf_buff *buff, int32_t octets);
  // Moves the end of the packet: a negative number shortens it, fragments first.
  int32_t (*adjust_tail)(const struct xdpf_host *host, struct xdpf_buff *buff, int32_t octets);
  // Moves the beginning of the metadata: a negative number makes room for more, in steps of 4.
  int32_t (*adjust_meta)(const struct xdpf_host *host, struct xdpf_buff *buff, int32_t octets);
  // Makes the first so many octets lie side by side, from data on.
  int32_t (*pull_data)(const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t octets);
  // Copies octets out of the packet, over the borders of its buffers.
  int32_t (*load_bytes)(
      const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t offset, void *to, uint32_t length);
  // Copies octets into the packet, over the borders of its buffers.
  int32_t (*store_bytes)(
      const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t offset, const void *from, uint32_t length);
  // The octets of the whole packet, fragments included; 0 for a packet that is not of this call.
  uint32_t (*length)(const struct xdpf_host *host, struct xdpf_buff *buff);
  // The number of fragments.
  uint32_t (*fragment_count)(const struct xdpf_host *host, struct xdpf_buff *buff);
  // A fragment by its position; -ENOENT where there is none, -EFAULT where the CPU may not read it.
  int32_t (*fragment)(
      const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t position, struct xdpf_fragment *fragment);
};

// Flags of a program: it accepts packets with fragments. Without, such packets are aborted before they reach it.
#define XDPF_PROGRAM_FRAGMENTS 1u

// Who decides. One `init` for each queue and each entry that the program serves; what belongs to one of them is called
// by one thread at a time. What they share is the plugin's own to guard.
struct xdpf_program {
  uint32_t struct_size;
  uint32_t flags;
  // Makes what the other functions work on. `args` is the text from the configuration, "" if there is none, and
  // belongs to the host; `host` is valid until `fini` returns. A result other than 0 refuses; `fini` is not called then.
  int32_t (*init)(
      const struct xdpf_host *host, const char *args, void *XDPF_NULLABLE *XDPF_NONNULL state);
  // Gives each of 1...64 packets a verdict. A packet without one is aborted.
  void (*run_burst)(
      void *XDPF_NULLABLE state, struct xdpf_buff *buffs, uint32_t count, uint32_t *verdicts);
  // Ends what `init` made.
  void (*fini)(void *XDPF_NULLABLE state);
};

// Flags of a memory model: the CPU may not read its buffers. They can be fragments only.
#define XDPF_MEMORY_UNREADABLE 1u

// The first kind that a memory model of a plugin may have; the kernel's four come before it.
#define XDPF_MEMORY_FIRST_KIND 4u

// What a memory model brings. The host maps it into its arena, so that every buffer has an offset that means the same
// to all who map the arena; a model never needs to know where.
struct xdpf_memory {
  uint32_t struct_size;   // written by the host
  // The file that is mapped, from its beginning: a memfd, a file of hugetlbfs, a dma-buf. It belongs to the host from
  // the return of `init`, also where that refuses. -1 asks the host for ordinary pages. Ignored where the CPU may not
  // read the memory: nothing is mapped then, and only the plugin knows what stands behind a buffer.
  int32_t file;
  uint32_t buffer_size;   // octets of one buffer: a multiple of 2048, 2048...65536; 4096 unless changed
  uint32_t buffer_count;  // as wanted by the host unless changed; 1...1048576
};

// Who owns the octets. Buffers go by number, 0 up to buffer_count. All of them are free after `init`. The host calls
// `allocate` and `recycle` one at a time, from any thread; neither may wait.
struct xdpf_memory_model {
  uint32_t struct_size;
  uint32_t flags;
  uint32_t kind;  // XDPF_MEMORY_FIRST_KIND...65535; a name of the plugin's choice for its kind of memory
  uint32_t reserved;
  // Makes the model and says what it brings. A result other than 0 refuses; `fini` is not called then.
  int32_t (*init)(
      const char *args, struct xdpf_memory *memory, void *XDPF_NULLABLE *XDPF_NONNULL state);
  // Writes the numbers of up to `count` (1...64) free buffers; answers how many. A number that is not free is refused.
  uint32_t (*allocate)(void *XDPF_NULLABLE state, uint32_t *buffers, uint32_t count);
  // Takes 1...64 buffers back.
  void (*recycle)(void *XDPF_NULLABLE state, const uint32_t *buffers, uint32_t count);
  // Ends the model; every buffer is home.
  void (*fini)(void *XDPF_NULLABLE state);
};

// What a plugin is. Constant; it lives as long as the plugin.
struct xdpf_plugin {
  uint32_t abi_version;
  uint32_t struct_size;
  const char *name;
  const struct xdpf_program *XDPF_NULLABLE program;
  const struct xdpf_memory_model *XDPF_NULLABLE memory_model;
};

// The one function that a plugin exports. `host_version` is the host's XDPF_ABI_VERSION; a plugin that cannot live
// with it answers NULL.
XDPF_EXPORT const struct xdpf_plugin *XDPF_NULLABLE xdpf_plugin_entry(uint32_t host_version);

// The octets of the linear part.
static inline uint32_t xdpf_linear_length(const struct xdpf_buff *buff) {
  return (uint32_t)(buff->data_end - buff->data);
}

// The octets of metadata in front of the packet.
static inline uint32_t xdpf_meta_length(const struct xdpf_buff *buff) {
  return (uint32_t)(buff->data - buff->data_meta);
}

// `length` octets at `offset` of the linear part; NULL where it is shorter.
static inline uint8_t *XDPF_NULLABLE xdpf_at(
    const struct xdpf_buff *buff, uint32_t offset, uint32_t length) {
  uint32_t linear = xdpf_linear_length(buff);
  return offset <= linear && length <= linear - offset ? buff->data + offset : NULL;
}

// Whether the packet has parts in other buffers.
static inline int xdpf_has_fragments(const struct xdpf_buff *buff) {
  return (buff->flags & XDPF_BUFF_HAS_FRAGMENTS) != 0;
}

// Asks for a redirect; answers the verdict to give. The flags are those of bpf_redirect_map(): the verdict for a miss,
// and for the device map XDPF_REDIRECT_BROADCAST and XDPF_REDIRECT_EXCLUDE_INGRESS.
static inline uint32_t xdpf_redirect(
    struct xdpf_buff *buff, uint16_t map, uint32_t key, uint16_t flags) {
  buff->target.map = map;
  buff->target.flags = flags;
  buff->target.key = key;
  return XDPF_REDIRECT;
}

static inline int32_t xdpf_adjust_head(
    const struct xdpf_host *host, struct xdpf_buff *buff, int32_t octets) {
  return host->adjust_head(host, buff, octets);
}

static inline int32_t xdpf_adjust_tail(
    const struct xdpf_host *host, struct xdpf_buff *buff, int32_t octets) {
  return host->adjust_tail(host, buff, octets);
}

static inline int32_t xdpf_adjust_meta(
    const struct xdpf_host *host, struct xdpf_buff *buff, int32_t octets) {
  return host->adjust_meta(host, buff, octets);
}

static inline int32_t xdpf_pull_data(
    const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t octets) {
  return host->pull_data(host, buff, octets);
}

static inline int32_t xdpf_load_bytes(
    const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t offset, void *to,
    uint32_t length) {
  return host->load_bytes(host, buff, offset, to, length);
}

static inline int32_t xdpf_store_bytes(
    const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t offset, const void *from,
    uint32_t length) {
  return host->store_bytes(host, buff, offset, from, length);
}

// The octets of the whole packet.
static inline uint32_t xdpf_length(const struct xdpf_host *host, struct xdpf_buff *buff) {
  return xdpf_has_fragments(buff) ? host->length(host, buff) : xdpf_linear_length(buff);
}

// Walks the fragments that the CPU may read: begin with a position of 0, go on while the result is not 0.
static inline int xdpf_next_fragment(
    const struct xdpf_host *host, struct xdpf_buff *buff, uint32_t *position,
    struct xdpf_fragment *fragment) {
  return xdpf_has_fragments(buff) && host->fragment(host, buff, (*position)++, fragment) == 0;
}

#ifdef __cplusplus
}
#endif

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
