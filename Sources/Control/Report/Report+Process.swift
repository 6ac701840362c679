// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// One process of the daemon.
  public struct Process: Sendable, Equatable {
    /// What it does: `daemon`.
    public var role: String
    /// Its number.
    public var id: Int
    /// Its resident memory, in octets.
    public var residentByteCount: UInt64
    /// Its open descriptors.
    public var descriptors: UInt64
    /// How often it had to be started again.
    public var restarts: UInt64

    /// Describes a process.
    public init(
      role: String, id: Int, residentByteCount: UInt64, descriptors: UInt64, restarts: UInt64 = 0
    ) {
      self.role = role
      self.id = id
      self.residentByteCount = residentByteCount
      self.descriptors = descriptors
      self.restarts = restarts
    }
  }
}

extension Report.Process {
  var json: JSON {
    [
      "role": .string(role), "pid": .integer(id), "rss": JSON(residentByteCount),
      "fds": JSON(descriptors), "restarts": JSON(restarts),
    ]
  }

  init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init(
      role: try reader["role"].string(), id: try reader["pid"].integer(),
      residentByteCount: try reader["rss"].count(), descriptors: try reader["fds"].count(),
      restarts: try reader["restarts"].count())
  }
}
