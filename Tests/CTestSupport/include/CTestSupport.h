// SPDX-License-Identifier: Apache-2.0
//
// C that only tests link. It has no functions to call.
#pragma once

#include "adjustments.h"
