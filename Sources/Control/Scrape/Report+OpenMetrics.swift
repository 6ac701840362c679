// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// The report as OpenMetrics text.
  ///
  /// Names and labels are a contract with dashboards and alerts: added to, never renamed. No label has a value for
  /// each flow.
  public var openMetrics: String {
    var metrics = OpenMetrics()
    metrics.family("cpumapd_build", .info, "Which cpumapd this is.")
    metrics.sample(["version": Release.version], 1 as UInt64)
    metrics.family(
      "cpumapd_config_generation", .gauge, "Which configuration runs; one more with every change.")
    metrics.sample([:], generation ?? 0)
    metrics.family(
      "cpumapd_frames_unaccounted", .gauge,
      "What breaks the laws of the ledger; above 0 for long only where frames are lost.")
    metrics.sample([:], unaccounted)
    if let balance {
      metrics.family(
        "cpumapd_balance_ratio", .gauge,
        "The busiest entry's frames of the last second by those of the average entry.")
      metrics.sample([:], balance)
    }
    addPorts(to: &metrics)
    addEntries(to: &metrics)
    addDrops(to: &metrics)
    addPools(to: &metrics)
    return metrics.text
  }

  private func addPorts(to metrics: inout OpenMetrics) {
    metrics.family("cpumapd_port_up", .gauge, "Whether frames can flow through the port.")
    for port in ports { metrics.sample(["port": port.name], port.state == "up" ? 1 : 0 as UInt64) }
    metrics.family("cpumapd_port_frames", .counter, "Frames received and sent.")
    for port in ports {
      metrics.sample(["port": port.name, "direction": "rx"], port.rx)
      metrics.sample(["port": port.name, "direction": "tx"], port.tx)
    }
    metrics.family("cpumapd_port_bytes", .counter, "Octets received.")
    for port in ports { metrics.sample(["port": port.name, "direction": "rx"], port.rxBytes) }
    metrics.family(
      "cpumapd_port_kernel_dropped_frames", .counter,
      "Frames that the kernel dropped before the port could receive them.")
    for port in ports { metrics.sample(["port": port.name], port.rxKernelDropped) }
    metrics.family("cpumapd_port_tx_errors", .counter, "Frames that could not be sent.")
    for port in ports { metrics.sample(["port": port.name], port.txErrors) }
    metrics.family(
      "cpumapd_port_verdict_frames", .counter, "What the port's program decided about frames.")
    for port in ports {
      for (verdict, frames) in port.verdicts {
        metrics.sample(["port": port.name, "verdict": verdict], frames)
      }
    }
  }

  private func addEntries(to metrics: inout OpenMetrics) {
    func each(
      _ name: String, _ kind: OpenMetrics.Kind, _ help: String, _ value: (Entry) -> UInt64
    ) {
      metrics.family(name, kind, help)
      for entry in entries { metrics.sample(["entry": entry.id], value(entry)) }
    }
    each("cpumapd_entry_enqueued_frames", .counter, "Frames that the queue took.") { $0.enqueued }
    each("cpumapd_entry_queue_depth", .gauge, "Frames in the queue.") { $0.depth }
    each("cpumapd_entry_queue_capacity", .gauge, "The slots of the queue.") { $0.queueSize }
    each("cpumapd_entry_wakeups", .counter, "How often the sleeping worker was woken.") {
      $0.wakeups
    }
    metrics.family("cpumapd_entry_busy_seconds", .counter, "The time that the worker was busy.")
    for entry in entries {
      guard let busy = entry.busyNanoseconds else { continue }
      metrics.sample(["entry": entry.id], Double(busy) / 1e9)
    }
    metrics.family(
      "cpumapd_verdict_frames", .counter, "What the entry's program decided about frames.")
    for entry in entries {
      for (verdict, frames) in entry.verdicts {
        metrics.sample(["entry": entry.id, "verdict": verdict], frames)
      }
    }
    metrics.family("cpumapd_program", .info, "Which program an entry runs.")
    for entry in entries {
      for program in entry.programs {
        metrics.sample(
          [
            "entry": entry.id, "program": program.id, "kind": program.kind,
            "generation": "\(program.version)",
          ], 1 as UInt64)
      }
    }
    metrics.family(
      "cpumapd_program_faults", .counter,
      "Packets that were taken from a program because it broke the rules.")
    for entry in entries {
      for program in entry.programs {
        metrics.sample(
          ["entry": entry.id, "program": program.id], program.faults &+ entry.drop["prog_fault"])
      }
    }
  }

  private func addDrops(to metrics: inout OpenMetrics) {
    metrics.family(
      "cpumapd_drop_frames", .counter, "Frames dropped, by where and why; see cpumapctl drops.")
    for port in ports {
      for (reason, frames) in port.drop.elements {
        metrics.sample(
          ["stage": "receive", "reason": reason, "entry": "", "port": port.name], frames)
      }
    }
    for entry in entries {
      // Always told, so that an alert on its rate has something to begin with.
      metrics.sample(
        ["stage": "queue", "reason": "ring_full", "entry": entry.id, "port": ""], entry.ringDrop)
      for (reason, frames) in entry.drop.elements {
        metrics.sample(
          ["stage": "entry", "reason": reason, "entry": entry.id, "port": ""], frames)
      }
    }
  }

  private func addPools(to metrics: inout OpenMetrics) {
    metrics.family("cpumapd_pool_frames", .gauge, "Buffers by who owns them.")
    for pool in pools {
      for state in BufferState.allCases {
        metrics.sample(["pool": pool.name, "state": state.rawValue], pool[state])
      }
    }
    metrics.family("cpumapd_pool_capacity", .gauge, "All buffers of the pool.")
    for pool in pools { metrics.sample(["pool": pool.name], pool.capacity) }
    metrics.family(
      "cpumapd_pool_faults", .counter, "Buffers given back twice, stale references, lost frames.")
    for pool in pools {
      metrics.sample(["pool": pool.name, "fault": "double_free"], pool.doubleFree)
      metrics.sample(["pool": pool.name, "fault": "stale"], pool.stale)
      metrics.sample(["pool": pool.name, "fault": "abandoned"], pool.abandoned)
    }
  }
}

extension Report.Port {
  fileprivate var verdicts: [(String, UInt64)] {
    [
      ("pass", pass), ("drop", drop.total), ("tx", xdpTx), ("redirect", redirect),
      ("aborted", aborted),
    ]
  }
}

extension Report.Entry {
  fileprivate var verdicts: [(String, UInt64)] {
    [
      ("pass", pass), ("drop", drop.total), ("tx", tx), ("redirect", redirect),
      ("aborted", aborted),
    ]
  }
}
