// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// From a real interface to a worker and home, over a veth in namespaces of our own.
///
/// One at a time: they measure the process that they run in.
@Suite(.serialized, .requiresNetworkNamespaces) struct EndToEnd {}
