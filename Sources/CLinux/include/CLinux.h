// SPDX-License-Identifier: Apache-2.0
//
// The kernel's and the library's words as C has them, and the few that Swift cannot import: macros,
// thread-local variables, inline assembly, variadic calls. Every shim is static inline, so it costs nothing.
#pragma once

// Swift's own Glibc module, which Synchronization imports, is built without _GNU_SOURCE, and these
// headers define a type differently with it: the compiler refuses two definitions of one type. So they
// come first, as Swift has them, and then the features are chosen again for all that follows.
#undef _GNU_SOURCE
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/utsname.h>

#define _GNU_SOURCE
#undef _FEATURES_H
#include <features.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/if_xdp.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clinux_constants.h"
#include "clinux_cpu.h"
#include "clinux_context.h"
#include "clinux_memory.h"
#include "clinux_descriptors.h"
#include "clinux_guard.h"
#include "clinux_poison.h"
#include "clinux_privileges.h"
#include "clinux_syscalls.h"
