// SPDX-License-Identifier: Apache-2.0

/// A map as an object defines it, before it is made.
public struct MapSpec: Equatable, Sendable {
  /// The name that programs and configurations use.
  public var name: String
  /// One of the kernel's `BPF_MAP_TYPE_` numbers.
  public var type: UInt32
  /// Octets of a key.
  public var keyByteCount: UInt32
  /// Octets of a value.
  public var valueByteCount: UInt32
  /// How many entries it may have; 0 where the object leaves it to the configuration.
  public var maximumEntries: UInt32
  /// The kernel's `BPF_F_` flags for creating it.
  public var flags: UInt32
  /// Whether programs may only read it: constants.
  public var isReadOnly = false
  /// The octets of the first value, of maps that hold variables; empty for others.
  public var contents: [UInt8] = []
  /// What it holds from the beginning: names of programs or maps by index.
  public var initialEntries: [Entry] = []
  /// What the maps that it holds look like.
  public var inner: [MapSpec] = []

  /// A program or map that a map holds from the beginning.
  public struct Entry: Equatable, Sendable {
    /// The key.
    public var index: UInt32
    /// The program or map.
    public var symbol: String
  }

  /// Describes a map.
  public init(
    name: String, type: UInt32, keyByteCount: UInt32 = 0, valueByteCount: UInt32 = 0,
    maximumEntries: UInt32 = 0, flags: UInt32 = 0
  ) {
    self.name = name
    self.type = type
    self.keyByteCount = keyByteCount
    self.valueByteCount = valueByteCount
    self.maximumEntries = maximumEntries
    self.flags = flags
  }
}
