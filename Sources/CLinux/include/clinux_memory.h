// SPDX-License-Identifier: Apache-2.0
//
// Variadic and macro-only calls on memory files.
#pragma once
#include <fcntl.h>

/// Forbids shrinking a memory file, so that no peer can turn our mapping into SIGBUS; 0 or -1.
static inline int clinux_seal_against_shrinking(int file) {
  return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK);
}
