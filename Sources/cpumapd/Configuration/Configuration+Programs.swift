// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins

extension Configuration {
  /// The Swift programs that `programs.NAME.type` may name.
  static let programTable = ProgramTable.builtIn
}

extension Configuration.Program {
  /// The name of the Swift program; nil for one that comes from elsewhere.
  var type: String? {
    if case .swift(let type) = kind { type } else { nil }
  }

  /// What a Swift program is told.
  var tableArguments: ProgramArguments {
    ProgramArguments(
      arguments, cpuMap: Datapath.cpuMapNumber, deviceMap: Datapath.devMapNumber)
  }

  /// The kind as the file says it.
  var kindName: String {
    switch kind {
    case .swift: "swift"
    case .sharedObject: "so"
    case .object: "ebpf"
    }
  }

  /// Where its code is, for people.
  var origin: String {
    switch kind {
    case .swift(let type): type
    case .sharedObject(let file, _): file
    case .object(let object): object.section.map { "\(object.file), \($0)" } ?? object.file
    }
  }

  /// Whether frames may leave it with the verdict pass; nobody knows that of code from elsewhere.
  var mayPass: Bool {
    type.flatMap { Configuration.programTable[$0] }?.mayPass(tableArguments) ?? true
  }
}
