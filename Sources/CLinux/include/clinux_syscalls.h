// SPDX-License-Identifier: Apache-2.0
//
// Calls that Swift cannot import: variadic ones, and errno, which is a macro.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The calling thread's errno. Read it directly after the call that failed.
static inline int clinux_errno(void) { return errno; }

static inline int clinux_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }

static inline int clinux_ioctl(int descriptor, unsigned long request, void *argument) {
  return ioctl(descriptor, request, argument);
}

static inline int clinux_fcntl(int descriptor, int command, long argument) {
  return fcntl(descriptor, command, argument);
}

static inline int clinux_prctl(int operation, unsigned long first, unsigned long second) {
  return prctl(operation, first, second, 0, 0);
}

/// An address of any family; the C library's transparent union does not import well.
static inline int clinux_bind(int socket, const void *address, uint32_t byte_count) {
  return bind(socket, (const struct sockaddr *)address, byte_count);
}

static inline int clinux_connect(int socket, const void *address, uint32_t byte_count) {
  return connect(socket, (const struct sockaddr *)address, byte_count);
}

static inline int clinux_getsockname(int socket, void *address, uint32_t *byte_count) {
  return getsockname(socket, (struct sockaddr *)address, byte_count);
}

static inline int clinux_accept(int socket, int flags) { return accept4(socket, NULL, NULL, flags); }

/// Changes the effective user of the calling thread alone; the C library's own call changes all threads.
static inline int clinux_set_thread_user(uint32_t user) { return (int)syscall(SYS_setresuid, -1, user, -1); }

/// Calls into the socket's transmit or receive path without octets, as AF_XDP wants to be woken.
static inline long clinux_kick_transmit(int socket) { return sendto(socket, NULL, 0, MSG_DONTWAIT, NULL, 0); }
static inline long clinux_kick_receive(int socket) { return recvfrom(socket, NULL, 0, MSG_DONTWAIT, NULL, NULL); }

static inline int clinux_getrlimit(int resource, struct rlimit *limit) {
  return getrlimit((__rlimit_resource_t)resource, limit);
}

static inline int clinux_setrlimit(int resource, const struct rlimit *limit) {
  return setrlimit((__rlimit_resource_t)resource, limit);
}

/// Signal dispositions that C spells as casts.
static inline void clinux_signal_ignore(int number) { signal(number, SIG_IGN); }
static inline void clinux_signal_default(int number) { signal(number, SIG_DFL); }

/// bpf(2), which the C library does not wrap.
static inline long clinux_bpf(int command, void *attributes, uint32_t byte_count) {
  return syscall(SYS_bpf, command, attributes, byte_count);
}

/// io_uring_register(2) without a ring of one's own, as IORING_REGISTER_SEND_MSG_RING takes it.
static inline int clinux_io_uring_register(int ring, unsigned operation, void *argument, unsigned count) {
  return (int)syscall(SYS_io_uring_register, ring, operation, argument, count);
}

/// sendmmsg, whose type differs between C libraries; the number sent, or -1.
static inline int clinux_send_frames(int socket, struct mmsghdr *frames, uint32_t count) {
  return sendmmsg(socket, frames, count, 0);
}

/// The environment that a child is to inherit; Swift sees a global variable there.
static inline char **clinux_environment(void) { return environ; }
