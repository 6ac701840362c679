// SPDX-License-Identifier: Apache-2.0
//
// Open files handed from process to process over a Unix socket. C has only macros for the layout of such a message.
#pragma once
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

// The kernel takes no more in one message (SCM_MAX_FD).
#define CLINUX_DESCRIPTORS_MAX 253

/// Sends octets, at least one, and with them open files; the octets sent, or -1 with errno.
static inline long clinux_send_descriptors(
    int socket, const void *bytes, size_t byte_count, const int *descriptors, uint32_t count) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(CLINUX_DESCRIPTORS_MAX * sizeof(int))];
  struct iovec part = {(void *)bytes, byte_count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > CLINUX_DESCRIPTORS_MAX) {
    errno = EINVAL;
    return -1;
  }
  if (count != 0) {
    memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/// Receives octets and the open files that came with them, at most CLINUX_DESCRIPTORS_MAX; the octets received, or -1
/// with errno. The files are closed on exec.
static inline long clinux_receive_descriptors(
    int socket, void *bytes, size_t byte_count, int *descriptors, uint32_t *count) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(CLINUX_DESCRIPTORS_MAX * sizeof(int))];
  struct iovec part = {bytes, byte_count};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  *count = 0;
  long received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return received;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    uint32_t here = (uint32_t)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(descriptors + *count, CMSG_DATA(header), here * sizeof(int));
    *count += here;
  }
  return received;
}
