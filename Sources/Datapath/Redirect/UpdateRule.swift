// SPDX-License-Identifier: Apache-2.0

/// Whether an update of a map may create, replace, or both: `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`.
public enum UpdateRule: Sendable {
  /// Create or replace.
  case any
  /// Only create: always refused with `EEXIST`, because every key of an array-like map exists, empty or not.
  case create
  /// Only replace: every key of an array-like map exists, so never refused.
  case replace
}
