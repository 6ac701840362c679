// SPDX-License-Identifier: Apache-2.0
//
// AF_XDP as a C programmer would use it, without a library: one queue, one UMEM, no frames, no ledger. And the sender
// that both sides get their packets from.
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include "machine.h"
#include "peers.h"

// Debian's headers are older than these.
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif

enum { CHUNK = 4096, CHUNKS = 8192, RING = 2048, BATCH = 64 };

struct ring {
  _Atomic uint32_t *producer, *consumer, *flags;
  void *entries;
  uint32_t own;
};

struct peer_xsk {
  int socket, map, program, link;
  char *umem;
  struct ring receive, transmit, fill, completion;
};

static void *failed(const char *call) {
  fprintf(stderr, "xsk: %s: %s\n", call, strerror(errno));
  return 0;
}

static int map_ring(int socket, struct ring *ring, const struct xdp_ring_offset *offset, size_t entry, off_t page) {
  char *base = mmap(0, offset->desc + RING * entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, page);
  if (base == MAP_FAILED) return -1;
  ring->producer = (void *)(base + offset->producer), ring->consumer = (void *)(base + offset->consumer);
  ring->flags = (void *)(base + offset->flags), ring->entries = base + offset->desc;
  return 0;
}

static int open_socket(struct peer_xsk *x) {
  x->socket = socket(AF_XDP, SOCK_RAW, 0);
  x->umem = mmap(0, (size_t)CHUNK * CHUNKS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  struct xdp_umem_reg umem = {.addr = (uintptr_t)x->umem, .len = (uint64_t)CHUNK * CHUNKS, .chunk_size = CHUNK};
  struct xdp_mmap_offsets at;
  socklen_t size = sizeof at;
  static const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING};
  int slots = RING;
  if (setsockopt(x->socket, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) != 0) return -1;
  for (int i = 0; i < 4; i++)
    if (setsockopt(x->socket, SOL_XDP, rings[i], &slots, sizeof slots) != 0) return -1;
  if (getsockopt(x->socket, SOL_XDP, XDP_MMAP_OFFSETS, &at, &size) != 0) return -1;
  return map_ring(x->socket, &x->receive, &at.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING) |
         map_ring(x->socket, &x->transmit, &at.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING) |
         map_ring(x->socket, &x->fill, &at.fr, 8, XDP_UMEM_PGOFF_FILL_RING) |
         map_ring(x->socket, &x->completion, &at.cr, 8, XDP_UMEM_PGOFF_COMPLETION_RING);
}

static int load(const struct bpf_insn *code, size_t count) {
  LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS);
  return bpf_prog_load(BPF_PROG_TYPE_XDP, "bench", "Apache-2.0", code, count, &options);
}

static int attach(struct peer_xsk *x, int interface) {
  x->map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "xsks", 4, 4, 1, 0);
  const struct bpf_insn code[] = {
      {.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 2, .src_reg = 1, .off = 16},
      {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = x->map},
      {0},
      {.code = BPF_ALU64 | BPF_K | BPF_MOV, .dst_reg = 3, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
      {.code = BPF_JMP | BPF_EXIT},
  };
  x->program = load(code, sizeof code / sizeof *code);
  uint32_t key = 0;
  if (x->program < 0 || bpf_map_update_elem(x->map, &key, &x->socket, BPF_ANY) != 0) return -1;
  x->link = bpf_link_create(x->program, interface, BPF_XDP, 0);
  return x->link;
}

static void fill(struct peer_xsk *x, uint64_t address) {
  ((uint64_t *)x->fill.entries)[x->fill.own++ & (RING - 1)] = address & ~(uint64_t)(CHUNK - 1);
}

static void publish(struct ring *ring) { atomic_store_explicit(ring->producer, ring->own, memory_order_release); }

struct peer_xsk *peer_xsk_open(const char *interface, int is_multi_buffer) {
  struct peer_xsk *x = calloc(1, sizeof *x);
  if (open_socket(x) < 0) return failed("socket");
  struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
                                 .sxdp_ifindex = if_nametoindex(interface),
                                 .sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP | (is_multi_buffer ? XDP_USE_SG : 0)};
  if (bind(x->socket, (void *)&address, sizeof address) != 0) return failed("bind");
  if (attach(x, (int)address.sxdp_ifindex) < 0) return failed("attach");
  for (uint64_t i = 0; i < RING; i++) fill(x, i * CHUNK);
  publish(&x->fill);
  return x;
}

void peer_xsk_close(struct peer_xsk *x) {
  close(x->link), close(x->program), close(x->map), close(x->socket);
  munmap(x->umem, (size_t)CHUNK * CHUNKS);
  free(x);
}

static uint32_t received(struct peer_xsk *x) {
  uint32_t count = atomic_load_explicit(x->receive.producer, memory_order_acquire) - x->receive.own;
  if (count == 0 && atomic_load_explicit(x->fill.flags, memory_order_relaxed) & XDP_RING_NEED_WAKEUP)
    recvfrom(x->socket, 0, 0, MSG_DONTWAIT, 0, 0);
  return count < BATCH ? count : BATCH;
}

static struct xdp_desc *descriptor(const struct ring *ring, uint32_t i) {
  return (struct xdp_desc *)ring->entries + (i & (RING - 1));
}

uint32_t peer_xsk_drop(struct peer_xsk *x) {
  uint32_t count = received(x), packets = 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct xdp_desc *d = descriptor(&x->receive, x->receive.own + i);
    packets += !(d->options & XDP_PKT_CONTD);
    fill(x, d->addr);
  }
  x->receive.own += count;
  atomic_store_explicit(x->receive.consumer, x->receive.own, memory_order_release);
  publish(&x->fill);
  return packets;
}

// What was sent goes back to where packets are received into.
static void reap(struct peer_xsk *x) {
  uint32_t end = atomic_load_explicit(x->completion.producer, memory_order_acquire);
  while (x->completion.own != end) fill(x, ((uint64_t *)x->completion.entries)[x->completion.own++ & (RING - 1)]);
  atomic_store_explicit(x->completion.consumer, end, memory_order_release);
  publish(&x->fill);
}

uint32_t peer_xsk_forward(struct peer_xsk *x) {
  uint32_t count = received(x);
  uint32_t room = RING - (x->transmit.own - atomic_load_explicit(x->transmit.consumer, memory_order_acquire));
  if (count > room) count = room;
  for (uint32_t i = 0; i < count; i++) {
    const struct xdp_desc *d = descriptor(&x->receive, x->receive.own + i);
    char *packet = x->umem + d->addr, source[6];
    memcpy(source, packet + 6, 6), memcpy(packet + 6, packet, 6), memcpy(packet, source, 6);
    *descriptor(&x->transmit, x->transmit.own + i) = (struct xdp_desc){.addr = d->addr, .len = d->len};
  }
  x->receive.own += count, x->transmit.own += count;
  atomic_store_explicit(x->receive.consumer, x->receive.own, memory_order_release);
  publish(&x->transmit);
  if (count > 0) sendto(x->socket, 0, 0, MSG_DONTWAIT, 0, 0);
  reap(x);
  return count;
}

// The sender: the kernel runs a program that redirects to the interface, on packets that it makes up ("live frames");
// packets that fill more than a page come from a packet socket.

struct peer_sender {
  int program, socket;
  uint32_t cpu, byte_count;
  char packet[9018];
  atomic_int stop;
  pthread_t thread;
};

static void *send_live(void *argument) {
  struct peer_sender *s = argument;
  pin(s->cpu);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = s->packet, .data_size_in = s->byte_count, .repeat = 1 << 14,
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 256);
  while (!atomic_load(&s->stop))
    if (bpf_prog_test_run_opts(s->program, &options) != 0) return failed("live frames");
  return 0;
}

static void *send_jumbo(void *argument) {
  struct peer_sender *s = argument;
  struct iovec vector = {s->packet, s->byte_count};
  struct mmsghdr messages[64] = {0};
  pin(s->cpu);
  for (int i = 0; i < 64; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
  while (!atomic_load(&s->stop)) sendmmsg(s->socket, messages, 64, 0);
  return 0;
}

struct peer_sender *peer_sender_open(const char *interface, uint32_t byte_count) {
  struct peer_sender *s = calloc(1, sizeof *s);
  int index = (int)if_nametoindex(interface), one = 1;
  const struct bpf_insn redirect[] = {
      {.code = BPF_ALU64 | BPF_K | BPF_MOV, .dst_reg = 1, .imm = index},
      {.code = BPF_ALU64 | BPF_K | BPF_MOV, .dst_reg = 2},
      {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
      {.code = BPF_JMP | BPF_EXIT},
  };
  uint32_t seed = 1;
  s->byte_count = byte_count;
  peer_write_header(s->packet, &seed);
  s->program = load(redirect, 4);
  s->socket = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = index};
  if (s->program < 0 || bind(s->socket, (void *)&address, sizeof address) != 0) return failed("sender");
  setsockopt(s->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  return s;
}

void peer_sender_start(struct peer_sender *s, uint32_t cpu) {
  s->cpu = cpu;
  atomic_store(&s->stop, 0);
  pthread_create(&s->thread, 0, s->byte_count > 3000 ? send_jumbo : send_live, s);
}

void peer_sender_stop(struct peer_sender *s) {
  atomic_store(&s->stop, 1);
  pthread_join(s->thread, 0);
}

void peer_sender_close(struct peer_sender *s) {
  close(s->program), close(s->socket);
  free(s);
}

int peer_sink_open(const char *interface) {
  const struct bpf_insn drop[] = {
      {.code = BPF_ALU64 | BPF_K | BPF_MOV, .dst_reg = 0, .imm = XDP_DROP},
      {.code = BPF_JMP | BPF_EXIT},
  };
  int program = load(drop, 2);
  int link = bpf_link_create(program, (int)if_nametoindex(interface), BPF_XDP, 0);
  close(program);
  return link;
}
