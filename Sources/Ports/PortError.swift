// SPDX-License-Identifier: Apache-2.0

/// Why a port could not be made or opened.
public struct PortError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What failed, and what to do.
  public let description: String

  /// An error with its whole text.
  public init(_ description: String) {
    self.description = description
  }
}
