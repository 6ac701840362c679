// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What a program can learn of the world besides its packet and its maps: the time, and chance.
///
/// Both are the machine's, unless a thread fixes them for the programs that it makes and runs. Then the same packets at
/// the same times always meet the same answers.
public enum Surroundings {
  /// Stops every clock of the calling thread's programs, and makes chance begin from the same number for those that the
  /// thread makes from here on.
  ///
  /// - Parameter time: Nanoseconds, 1 or more; of which clock is for the caller to say.
  public static func fix(at time: UInt64) { clinux_fix_time(max(time, 1)) }

  /// Lets the calling thread's programs see the machine again.
  public static func release() { clinux_fix_time(0) }

  /// The time where it is fixed, otherwise what a clock says.
  @inline(__always)
  static func time(_ clock: () -> UInt64) -> UInt64 {
    let time = clinux_time_fixed()
    return time == 0 ? clock() : time
  }

  /// What chance begins from; not 0.
  static var seed: UInt64 {
    clinux_time_fixed() == 0 ? .random(in: 1 ... .max) : 0x9E37_79B9_7F4A_7C15
  }
}
