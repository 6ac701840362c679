// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// The report as the object of the contract.
  public var json: JSON {
    var object: JSON.Object = [
      "mode": .string(mode.rawValue), "seconds": .number(seconds),
      "ports": .array(ports.map(\.json)),
      "entries": .array(entries.map(\.json)),
      "pools": .array(pools.map(\.json)),
      "unaccounted": JSON(unaccounted),
    ]
    object["generation"] = generation.map { JSON($0) }
    if !processes.isEmpty { object["procs"] = .array(processes.map(\.json)) }
    object["balance"] = balance.map(JSON.number)
    return .object(object)
  }

  /// The part of the report that is about the ledger, and what is wrong with it in sentences.
  public var ledgerJSON: JSON {
    [
      "pools": .array(pools.map(\.json)),
      "violations": .array(lawViolations().map { .string("\($0)") }),
      "unaccounted": JSON(unaccounted),
    ]
  }

  /// Reads a report back from the object of the contract.
  ///
  /// `unaccounted` is not read but computed anew.
  ///
  /// - Throws: ``JSON/MismatchError`` naming the first key that is missing or of the wrong kind.
  public init(json: JSON) throws(JSON.MismatchError) {
    let reader = JSON.Reader(json)
    guard let mode = Mode(rawValue: try reader["mode"].string()) else {
      throw JSON.MismatchError(path: "mode", expected: "one of the known modes")
    }
    self.init(mode: mode, seconds: try reader["seconds"].number())
    generation = try reader["generation"].ifPresent?.count()
    balance = try reader["balance"].ifPresent?.number()
    for element in try reader["ports"].elements() { ports.append(try Port(element)) }
    for element in try reader["entries"].elements() { entries.append(try Entry(element)) }
    for element in try reader["pools"].elements() { pools.append(try Pool(element)) }
    for element in try reader["procs"].ifPresent?.elements() ?? [] {
      processes.append(try Process(element))
    }
  }
}

extension Report.Port {
  fileprivate var json: JSON {
    var object: JSON.Object = [
      "name": .string(name), "kind": .string(kind), "state": .string(state),
    ]
    object["reason"] = reason.map(JSON.string)
    for (name, value): (String, JSON) in [
      ("rx", JSON(rx)), ("rx_bytes", JSON(rxBytes)), ("rx_kernel_dropped", JSON(rxKernelDropped)),
      ("pass", JSON(pass)),
      ("drop", drop.json), ("xdp_tx", JSON(xdpTx)), ("redirect", JSON(redirect)),
      ("aborted", JSON(aborted)), ("tx", JSON(tx)), ("tx_errors", JSON(txErrors)),
      ("invalid_desc", JSON(invalidDescriptors)), ("in_flight", JSON(inFlight)),
      ("ethtool", ethtool.json),
    ] { object[name] = value }
    return .object(object)
  }

  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init(
      name: try reader["name"].string(), kind: try reader["kind"].string(),
      state: try reader["state"].string(), reason: try reader["reason"].ifPresent?.string())
    rx = try reader["rx"].count()
    rxBytes = try reader["rx_bytes"].ifPresent?.count() ?? 0
    rxKernelDropped = try reader["rx_kernel_dropped"].count()
    pass = try reader["pass"].count()
    drop = try DropCounts(reader["drop"])
    xdpTx = try reader["xdp_tx"].count()
    redirect = try reader["redirect"].count()
    aborted = try reader["aborted"].count()
    tx = try reader["tx"].count()
    txErrors = try reader["tx_errors"].count()
    invalidDescriptors = try reader["invalid_desc"].count()
    inFlight = try reader["in_flight"].count()
    if let reader = reader["ethtool"].ifPresent { ethtool = try EthtoolCounters(reader) }
  }
}

extension Report.Entry {
  fileprivate var json: JSON {
    var object: JSON.Object = [
      "id": .string(id), "cpu": .integer(cpu), "state": .string(state), "qsize": JSON(queueSize),
      "offered": JSON(offered),
      "enq": JSON(enqueued), "ring_drop": JSON(ringDrop), "depth": JSON(depth),
      "processed": JSON(processed), "pass": JSON(pass), "drop": drop.json, "tx": JSON(tx),
      "redirect": JSON(redirect), "aborted": JSON(aborted),
    ]
    object["busy_ns"] = busyNanoseconds.map { JSON($0) }
    object["wakeups"] = JSON(wakeups)
    object["progs"] = .array(programs.map(\.json))
    return .object(object)
  }

  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init(id: try reader["id"].string(), cpu: try reader["cpu"].integer())
    state = try reader["state"].ifPresent?.string() ?? state
    queueSize = try reader["qsize"].ifPresent?.count() ?? 0
    offered = try reader["offered"].count()
    enqueued = try reader["enq"].count()
    ringDrop = try reader["ring_drop"].count()
    depth = try reader["depth"].count()
    processed = try reader["processed"].count()
    pass = try reader["pass"].count()
    drop = try DropCounts(reader["drop"])
    tx = try reader["tx"].count()
    redirect = try reader["redirect"].count()
    aborted = try reader["aborted"].count()
    busyNanoseconds = try reader["busy_ns"].ifPresent?.count()
    wakeups = try reader["wakeups"].ifPresent?.count() ?? 0
    for element in try reader["progs"].elements() {
      programs.append(try Report.Program(element))
    }
  }
}

extension Report.Program {
  fileprivate var json: JSON {
    [
      "id": .string(id), "kind": .string(kind), "version": JSON(version), "faults": JSON(faults),
    ]
  }

  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init(
      id: try reader["id"].string(), kind: try reader["kind"].string(),
      version: try reader["version"].count())
    faults = try reader["faults"].ifPresent?.count() ?? 0
  }
}

extension Report.Pool {
  fileprivate var json: JSON {
    let states = Report.BufferState.allCases.map { ($0.rawValue, JSON(self[$0])) }
    return [
      "name": .string(name), "capacity": JSON(capacity), "states": .object(JSON.Object(states)),
      "double_free": JSON(doubleFree), "stale": JSON(stale), "abandoned": JSON(abandoned),
    ]
  }

  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init(name: try reader["name"].string(), capacity: try reader["capacity"].count())
    for state in Report.BufferState.allCases {
      self[state] = try reader["states"][state.rawValue].count()
    }
    doubleFree = try reader["double_free"].count()
    stale = try reader["stale"].count()
    abandoned = try reader["abandoned"].count()
  }
}

extension DropCounts {
  fileprivate var json: JSON {
    .object(JSON.Object(elements.map { ($0.reason, JSON($0.frames)) }))
  }

  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init()
    for (name, reader) in try reader.members() { self[name] = try reader.count() }
  }
}

extension EthtoolCounters {
  /// The counters as an object with every name.
  public var json: JSON {
    .object(JSON.Object(Name.allCases.map { ($0.rawValue, JSON(self[$0])) }))
  }

  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init()
    for name in Name.allCases { self[name] = try reader[name.rawValue].ifPresent?.count() ?? 0 }
  }
}
