// SPDX-License-Identifier: Apache-2.0
//
// C that only tests link.
#pragma once

#include "adjustments.h"
#include "redirects.h"
#include "ways.h"

/// Whether the program was built with the thread or the address sanitizer.
static inline int is_instrumented(void) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  return 1;
#endif
#endif
  return 0;
}
