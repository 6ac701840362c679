// SPDX-License-Identifier: Apache-2.0
#pragma once

// As in CLinux.h: two headers as Swift's Glibc module has them, everything else with GNU's names.
#undef _GNU_SOURCE
#include <sys/resource.h>
#include <sys/select.h>

#define _GNU_SOURCE
#undef _FEATURES_H
#include <features.h>

#include <libelf.h>
