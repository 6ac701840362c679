// SPDX-License-Identifier: Apache-2.0

import Testing

/// Suites with threads that spin: one test at a time, because together they would only wait for each other.
@Suite(.serialized) enum Stress {}
