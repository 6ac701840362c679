// SPDX-License-Identifier: Apache-2.0

internal import CTestSupport

/// Whether the tests run under a sanitizer, where threads cost far more than elsewhere.
public let isInstrumented = is_instrumented() != 0
