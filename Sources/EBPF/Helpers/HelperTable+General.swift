// SPDX-License-Identifier: Apache-2.0

extension HelperTable {
  /// The helpers that need no packet: maps, clocks, chance, text, checksums, loops, records.
  ///
  /// They run in a ``Runner``'s context only.
  public static let general: HelperTable = {
    var table = HelperTable()
    MapHelpers.register(in: &table)
    table.arrayLookup = 1
    RecordHelpers.register(in: &table)
    PlainHelpers.register(in: &table)
    TextHelpers.register(in: &table)
    return table
  }()
}
