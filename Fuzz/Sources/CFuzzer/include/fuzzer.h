// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer as a library; -sanitize=fuzzer links it.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*entry)(const uint8_t *octets, size_t count));
