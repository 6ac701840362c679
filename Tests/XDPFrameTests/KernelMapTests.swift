// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Documentation/KernelMap.md has a row for every public type, initialiser and function, and no other.
@Suite struct KernelMapTests {
  @Test func everyPublicSymbolHasARow() throws {
    let symbols = try PublicSymbols(folders: ["Sources/XDPFrame", "Sources/MemModels"]).names
    #expect(symbols.count > 100)
    #expect(symbols.subtracting(try KernelMapTests.rows).sorted() == [])
  }

  @Test func everyRowHasASymbol() throws {
    let symbols = try PublicSymbols(folders: ["Sources/XDPFrame", "Sources/MemModels"]).names
    #expect(try KernelMapTests.rows.subtracting(symbols).sorted() == [])
  }

  @Test func aSymbolIsFoundWhereverItIsDeclared() {
    var symbols = PublicSymbols()
    symbols.read(
      """
      public struct Outer: ~Copyable {
        @inlinable
        @inline(__always) public init() {}
        public mutating func change(
          by octets: Int
        ) {
        }
        func hidden() {}
        public enum Inner {
          public static func make() {}
        }
      }
      extension Outer {
        public subscript(index: Int) -> Int { 0 }
      }
      public protocol Contract: AnyObject {
        func demanded()
      }
      """)
    #expect(
      symbols.names == [
        "Outer", "Outer.init", "Outer.change", "Outer.Inner", "Outer.Inner.make",
        "Outer.subscript", "Contract", "Contract.demanded",
      ])
  }

  /// The names in the first column.
  private static var rows: Set<String> {
    get throws {
      let text = try String(
        contentsOf: root.appending(path: "Documentation/KernelMap.md"), encoding: .utf8)
      return Set(text.matches(of: #/\n\| `([A-Za-z.]+)` \|/#).map { String($0.1) })
    }
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
}

/// The public types, initialisers and functions of some source files, read by their indentation, which the
/// formatter keeps.
private struct PublicSymbols {
  private(set) var names: Set<String> = []
  private var scopes: [(indent: Int, name: String, isProtocol: Bool)] = []

  init() {}

  init(folders: [String]) throws {
    for folder in folders {
      let path = KernelMapTests.root.appending(path: folder)
      let files = FileManager.default.enumerator(at: path, includingPropertiesForKeys: nil)
      for case let file as URL in try #require(files) where file.pathExtension == "swift" {
        read(try String(contentsOf: file, encoding: .utf8))
      }
    }
  }

  mutating func read(_ source: String) {
    scopes = []
    for line in source.split(separator: "\n") { read(line: line) }
  }

  private mutating func read(line: Substring) {
    let indent = line.prefix { $0 == " " }.count
    let code = line.dropFirst(indent)
    if code == "}" { scopes.removeAll { $0.indent >= indent } }
    let declaration =
      #/(?:@\w+(?:\([^)]*\))? )*((?:[a-z]+(?:\([a-z]+\))? )*)(struct|class|enum|protocol|extension|func|init|subscript)\b ?([A-Za-z][\w.]*)?/#
    guard let match = code.prefixMatch(of: declaration) else { return }
    let kind = match.2
    let isPublic = match.1.split(separator: " ").contains("public")
    let name = kind == "init" || kind == "subscript" ? String(kind) : String(match.3 ?? "")
    let path = (scopes.map(\.name) + [name]).joined(separator: ".")
    let isDemanded = scopes.last?.isProtocol == true && (kind == "func" || kind == "init")
    if !name.isEmpty, isPublic || isDemanded, kind != "extension" { names.insert(path) }
    guard ["struct", "class", "enum", "protocol", "extension"].contains(kind), !code.hasSuffix("}")
    else { return }
    scopes.append((indent, name, kind == "protocol"))
  }
}
