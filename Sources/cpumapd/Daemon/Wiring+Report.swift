// SPDX-License-Identifier: Apache-2.0

import Control
import Datapath
import MemModels
import Plugins
import Ports
import XDPFrame

extension Wiring {
  /// Reads the books.
  ///
  /// - Parameters:
  ///   - seconds: The time that they cover.
  ///   - isQuiet: Whether everything has stopped: then nothing may be in flight, and the laws hold exactly.
  /// - Returns: The books of every port, entry and pool.
  func report(seconds: Double, isQuiet: Bool) -> Report {
    var report = Report(mode: mode, seconds: seconds)
    let state = current
    report.generation = state.generation
    report.entries = state.inOrder(datapath.entryReports).map { $0.section(in: state) }
    report.ports = ports.map { $0.section(isQuiet: isQuiet) }
    report.pools = ports.filter { !$0.pools.isEmpty }.map { $0.poolSection }
    return report
  }

  private var mode: Report.Mode {
    if ports.contains(where: { $0.port is AFXDPPort }) { return .afxdp }
    if ports.contains(where: { $0.port is PacketPort }) { return .packet }
    return ports.contains { $0.port is TAPPort } ? .tap : .memory
  }
}

extension Wiring.State {
  /// The reports in the order of the configuration, then those of entries that were removed.
  fileprivate func inOrder(_ reports: [EntryReport]) -> [EntryReport] {
    let names = configuration.entries.map(\.name)
    let present = names.compactMap { name in reports.first { $0.name == name } }
    return present + reports.filter { !names.contains($0.name) }
  }
}

extension EntryReport {
  fileprivate func section(in state: Wiring.State) -> Report.Entry {
    var entry = Report.Entry(id: name, cpu: cpu)
    entry.state = state.entries[name] == nil ? "removed" : state.isSteered(name) ? "up" : "drained"
    entry.queueSize = UInt64(queueCapacity)
    entry.offered = offered
    entry.enqueued = enqueued
    entry.ringDrop = ringDrop
    entry.depth = depth
    entry.processed = processed
    entry.pass = pass
    entry.tx = transmit
    entry.redirect = redirect
    entry.aborted = aborted
    entry.busyNanoseconds = busyNanoseconds
    entry.wakeups = wakeups
    for (reason, frames) in drops { entry.drop[reason.name] = frames }
    if let program = state.entries[name]?.program {
      var running = Report.Program(
        id: program.definition.name, kind: program.definition.kindName, version: program.version)
      running.faults = (program.instance as? PluginProgram)?.faultCount ?? 0
      entry.programs = [running]
    }
    return entry
  }
}

extension Wiring.WiredPort {
  fileprivate func section(isQuiet: Bool) -> Report.Port {
    let status = port.status
    var section = Report.Port(
      name: port.name, kind: status.kind, state: status.state.rawValue,
      reason: status.reason.isEmpty ? nil : status.reason)
    for loop in loops { section.add(loop.tally) }
    let ended =
      section.pass + section.drop.total + section.xdpTx + section.redirect + section.aborted
    // A burst is counted as received before it is judged; more than all bursts cannot be in flight.
    let bursts = UInt64(Limits.budget * loops.count)
    section.inFlight = isQuiet ? 0 : min(section.rx - min(ended, section.rx), bursts)
    section.rxKernelDropped = status.kernelDropped
    section.tx = status.sent
    section.txErrors = status.sendErrors
    section.invalidDescriptors = status.invalidDescriptors
    section.ethtool = ethtool(section, status)
    return section
  }

  private func ethtool(_ section: Report.Port, _ status: PortStatus) -> EthtoolCounters {
    var counters = EthtoolCounters()
    counters[.receiveRedirect] = section.redirect
    counters[.receivePass] = section.pass
    // A driver counts aborted packets as dropped.
    counters[.receiveDrop] = section.drop.total + section.aborted
    counters[.receiveTransmit] = section.xdpTx
    counters[.receiveTransmitErrors] = section.drop["tx_full"] + section.drop["tx_error"]
    counters[.transmit] = status.sent - min(section.xdpTx, status.sent)
    counters[.transmitErrors] = status.sendErrors
    for pool in pools.compactMap({ $0 as? PagePool }) {
      for (name, value) in pool.statistics {
        guard let name = EthtoolCounters.Name(rawValue: name) else { continue }
        counters[name] += value
      }
    }
    return counters
  }

  fileprivate var poolSection: Report.Pool {
    let censuses = pools.map { $0.census() }
    var pool = Report.Pool(
      name: port.name, capacity: UInt64(censuses.reduce(0) { $0 + $1.capacity }))
    for census in censuses {
      for (owner, count) in census.counts {
        guard let state = Report.BufferState(rawValue: owner.name) else { continue }
        pool[state] += UInt64(count)
      }
      pool.doubleFree += UInt64(census.doubleFree)
      pool.abandoned += UInt64(census.abandoned)
    }
    return pool
  }
}

extension Report.Port {
  /// Adds the books of one queue, those that come later in a packet's life first.
  fileprivate mutating func add(_ tally: Tally) {
    pass += tally[.pass]
    xdpTx += tally[.transmit]
    redirect += tally[.redirect]
    aborted += tally[.aborted]
    for reason in DropReason.allCases where tally[reason] > 0 { drop[reason.name] += tally[reason] }
    rxBytes += tally[.receivedBytes]
    rx += tally[.received]
  }
}
