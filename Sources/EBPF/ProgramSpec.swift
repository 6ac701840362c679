// SPDX-License-Identifier: Apache-2.0

/// A program before it can run: its slots, and which of them name something outside.
///
/// The entry is slot 0. Functions that it calls stand behind it, each ending in `exit` or a jump; local calls (source
/// 1) and addresses of functions (wide loads of source 4) hold the distance in slots, so where functions begin follows
/// from the code. Whoever links an object produces this; ``Executable`` is made from it.
public struct ProgramSpec: Sendable {
  /// For messages.
  public var name: String
  /// The program and the functions that it calls.
  public var instructions: [RawInstruction]
  /// What the wide loads stand for that name something outside; every other wide load is a constant.
  public var references: [Reference]

  /// A wide load that names a map or a variable.
  public struct Reference: Equatable, Sendable {
    /// The first slot of the wide load.
    public var instruction: Int
    /// What it names.
    public var target: Target

    /// Names what a wide load stands for.
    public init(instruction: Int, target: Target) {
      self.instruction = instruction
      self.target = target
    }
  }

  /// Something outside a program.
  public enum Target: Equatable, Sendable {
    /// The handle of a map, to be passed to a helper: an index of the bindings given to ``Executable``.
    case map(Int)
    /// An address inside the first value of a map: the map's index and octets from the beginning of its values.
    case mapValue(Int, offset: UInt32)
  }

  /// Names a program.
  public init(name: String, instructions: [RawInstruction], references: [Reference] = []) {
    self.name = name
    self.instructions = instructions
    self.references = references
  }
}

/// What a program sees of a map that it names.
public struct MapBinding: Equatable, Sendable {
  /// What a helper gets; never an address.
  ///
  /// Not 0, which programs take for NULL, and below 2 MiB, so that an access
  /// through it faults.
  public var handle: UInt32
  /// Where the values begin, as an offset in the arena window; 0 if programs may not address them directly.
  public var valuesOffset: UInt32
  /// How many values follow each other there, by the number that is their key; 0 if a lookup is more than that.
  public var entryCount: UInt32
  /// The octets from one value to the next.
  public var entryByteCount: UInt32

  /// Binds a map.
  public init(
    handle: UInt32, valuesOffset: UInt32 = 0, entryCount: UInt32 = 0, entryByteCount: UInt32 = 0
  ) {
    self.handle = handle
    self.valuesOffset = valuesOffset
    self.entryCount = entryCount
    self.entryByteCount = entryByteCount
  }
}
