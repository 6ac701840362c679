// SPDX-License-Identifier: Apache-2.0
//
// Constants newer than Debian 12's headers, or defined there by macros that Swift cannot read.
#pragma once
#include <sys/resource.h>

enum {
  CLINUX_XDP_USE_SG = 1 << 4,         /* sockaddr_xdp.sxdp_flags, Linux 6.6 */
  CLINUX_XDP_PKT_CONTD = 1 << 0,      /* xdp_desc.options, Linux 6.6 */
  CLINUX_XDP_MAX_TX_SKB_BUDGET = 9,   /* setsockopt SOL_XDP, Linux 6.17 */
  CLINUX_MFD_NOEXEC_SEAL = 0x0008,    /* memfd_create, Linux 6.3 */
  CLINUX_TUNSETIFF = 0x400454ca,      /* _IOW('T', 202, int) */
  CLINUX_TUNSETPERSIST = 0x400454cb,  /* _IOW('T', 203, int) */
  CLINUX_TUNSETOFFLOAD = 0x400454d0,  /* _IOW('T', 208, unsigned int) */
  CLINUX_TUNGETIFF = 0x800454d2,      /* _IOR('T', 210, unsigned int) */
  CLINUX_TUNSETCARRIER = 0x400454e2,  /* _IOW('T', 226, int), Linux 4.20 */
  CLINUX_TUN_F_USO4 = 0x20,           /* TUNSETOFFLOAD, Linux 6.2 */
  CLINUX_TUN_F_USO6 = 0x40,           /* TUNSETOFFLOAD, Linux 6.2 */
  CLINUX_REGISTER_SEND_MSG_RING = 31, /* io_uring_register, Linux 6.13 */
  CLINUX_RLIMIT_MEMLOCK = RLIMIT_MEMLOCK,
  CLINUX_RLIMIT_NOFILE = RLIMIT_NOFILE,
  CLINUX_RLIMIT_CORE = RLIMIT_CORE,
};
