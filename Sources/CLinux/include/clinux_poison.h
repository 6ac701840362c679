// SPDX-License-Identifier: Apache-2.0
//
// Address-sanitizer red zones for memory that we manage ourselves. Without the sanitizer these cost nothing.
#pragma once
#include <stddef.h>
#include <stdint.h>

int clinux_has_address_sanitizer(void);
void clinux_poison(const void *address, size_t byte_count);
void clinux_unpoison(const void *address, size_t byte_count);
