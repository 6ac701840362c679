// SPDX-License-Identifier: Apache-2.0

#include "xdpf_plugin.h"

// The layout is the contract: it is the same for every compiler that plugins are built with.
_Static_assert(sizeof(struct xdpf_target) == 8, "struct xdpf_target");
_Static_assert(sizeof(struct xdpf_queue) == 64, "struct xdpf_queue");
_Static_assert(sizeof(struct xdpf_buff) == 56, "struct xdpf_buff");
_Static_assert(sizeof(struct xdpf_fragment) == 16, "struct xdpf_fragment");
_Static_assert(sizeof(struct xdpf_host) == 80, "struct xdpf_host");
_Static_assert(sizeof(struct xdpf_program) == 32, "struct xdpf_program");
_Static_assert(sizeof(struct xdpf_memory) == 16, "struct xdpf_memory");
_Static_assert(sizeof(struct xdpf_memory_model) == 48, "struct xdpf_memory_model");
_Static_assert(sizeof(struct xdpf_plugin) == 32, "struct xdpf_plugin");
