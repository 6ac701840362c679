// SPDX-License-Identifier: Apache-2.0

internal import CPluginABI
internal import Glibc

/// A shared object that was loaded and found to keep to the interface of `xdpf_plugin.h`.
///
/// It brings a program, a memory model, or both. It stays loaded until the process ends: nobody can know that no
/// thread runs its code any more, and Swift code cannot be unloaded at all. A changed file under a new name, or a new
/// file that replaced the old one by renaming, is loaded beside the old one.
///
/// Loading runs what the object does when it is loaded, with all rights of this process.
@safe
public struct Plugin: Sendable {
  /// The file.
  public let path: String
  /// The name that it gives itself.
  public let name: String
  // Safe: constants of an object that is never unloaded; `nil` where it does not bring one.
  nonisolated(unsafe) let program: UnsafePointer<xdpf_program>?
  nonisolated(unsafe) let memoryModel: UnsafePointer<xdpf_memory_model>?

  static let entryName = "xdpf_plugin_entry"

  /// Loads a plugin and checks what it says about itself.
  ///
  /// - Parameter path: The file; without a slash, one in the working directory.
  /// - Throws: ``PluginError``. The object may stay loaded; nothing of it is called again.
  /// - Note: Allocates.
  public init(path: String) throws(PluginError) {
    self.path = path
    let file = path.contains("/") ? path : "./\(path)"
    try Plugin.checkFile(file, path)
    let table = try unsafe Plugin.table(of: Plugin.load(file, path), path)
    unsafe name = String(cString: table.pointee.name)
    unsafe program = unsafe table.pointee.program
    unsafe memoryModel = unsafe table.pointee.memory_model
    if let program = unsafe program { try unsafe Plugin.check(program, path) }
    if let memoryModel = unsafe memoryModel { try unsafe Plugin.check(memoryModel, path) }
  }

  /// Refuses what is no file, and what others could have written.
  private static func checkFile(_ file: String, _ path: String) throws(PluginError) {
    var status = stat()
    guard unsafe stat(file, &status) == 0 else { throw PluginError(path, .notFound(errno: errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw PluginError(path, .notAFile) }
    let isOurs = status.st_uid == 0 || status.st_uid == geteuid()
    guard isOurs, status.st_mode & S_IWOTH == 0 else {
      throw PluginError(path, .writableByOthers)
    }
  }

  /// Loads the object for good and finds its entry function.
  private static func load(_ file: String, _ path: String) throws(PluginError) -> Entry {
    // NOW, so that a missing symbol is found here and not at the first packet.
    guard let image = unsafe dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
      throw PluginError(path, .notLoadable(unsafe String(cString: dlerror())))
    }
    guard let symbol = unsafe dlsym(image, entryName) else {
      throw PluginError(path, .noFunction(entryName))
    }
    // Safe: the header declares the function's type; a plugin that lies about it cannot be found out.
    return unsafe unsafeBitCast(symbol, to: Entry.self)
  }

  private typealias Entry = @convention(c) (UInt32) -> UnsafePointer<xdpf_plugin>?

  /// Asks a plugin what it is, and looks at nothing that lies behind the length that it gives.
  private static func table(
    of entry: Entry, _ path: String
  ) throws(PluginError) -> UnsafePointer<xdpf_plugin> {
    guard let table = unsafe entry(XDPF_ABI_VERSION) else {
      throw PluginError(path, .declined(hostVersion: XDPF_ABI_VERSION))
    }
    let version = unsafe table.pointee.abi_version
    guard version == XDPF_ABI_VERSION else {
      throw PluginError(path, .wrongVersion(version, hostVersion: XDPF_ABI_VERSION))
    }
    unsafe try check(unsafe table.pointee.struct_size, of: "xdpf_plugin", xdpf_plugin.self, path)
    try unsafe need(table, \.name, "xdpf_plugin.name", path)
    return unsafe table
  }

  /// Refuses tables of a length that this version never had.
  ///
  /// So far every table has its first length, so the shortest and the longest are one.
  static func check<Table>(
    _ size: UInt32, of name: String, _ table: Table.Type, _ path: String
  ) throws(PluginError) {
    let known = UInt32(MemoryLayout<Table>.size)
    guard size == known else {
      throw PluginError(path, .wrongSize(table: name, size, allowed: known...known))
    }
  }

  /// Refuses a table whose pointer at `field` is NULL, whatever C says about it.
  static func need<Table, Value>(
    _ table: UnsafePointer<Table>, _ field: KeyPath<Table, Value>, _ name: String, _ path: String
  ) throws(PluginError) {
    guard let offset = MemoryLayout<Table>.offset(of: field),
      unsafe UnsafeRawPointer(table).load(fromByteOffset: offset, as: UInt.self) != 0
    else { throw PluginError(path, .missing(name)) }
  }
}

extension Plugin {
  private static func check(
    _ program: UnsafePointer<xdpf_program>, _ path: String
  ) throws(PluginError) {
    try check(unsafe program.pointee.struct_size, of: "xdpf_program", xdpf_program.self, path)
    try unsafe need(program, \.`init`, "xdpf_program.init", path)
    try unsafe need(program, \.run_burst, "xdpf_program.run_burst", path)
    try unsafe need(program, \.fini, "xdpf_program.fini", path)
    let flags = unsafe program.pointee.flags
    guard flags & ~XDPF_PROGRAM_FRAGMENTS == 0 else {
      throw PluginError(
        path, .invalid(field: "xdpf_program.flags", UInt64(flags), allowed: "of flags that exist"))
    }
  }

  private static func check(
    _ model: UnsafePointer<xdpf_memory_model>, _ path: String
  ) throws(PluginError) {
    let name = "xdpf_memory_model"
    try check(unsafe model.pointee.struct_size, of: name, xdpf_memory_model.self, path)
    try unsafe need(model, \.`init`, "\(name).init", path)
    try unsafe need(model, \.allocate, "\(name).allocate", path)
    try unsafe need(model, \.recycle, "\(name).recycle", path)
    try unsafe need(model, \.fini, "\(name).fini", path)
    let flags = unsafe model.pointee.flags
    guard flags & ~XDPF_MEMORY_UNREADABLE == 0 else {
      throw PluginError(
        path, .invalid(field: "\(name).flags", UInt64(flags), allowed: "of flags that exist"))
    }
    let kind = unsafe model.pointee.kind
    guard XDPF_MEMORY_FIRST_KIND...0xFFFF ~= kind else {
      throw PluginError(
        path,
        .invalid(
          field: "\(name).kind", UInt64(kind), allowed: "\(XDPF_MEMORY_FIRST_KIND)...65535"))
    }
  }
}
