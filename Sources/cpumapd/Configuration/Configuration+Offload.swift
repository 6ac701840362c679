// SPDX-License-Identifier: Apache-2.0

import Ports

extension Configuration {
  /// What senders may leave to whoever reads a port.
  ///
  /// A packet that is still to be cut can leave by a port to a kernel only, so by default such packets come in only
  /// where every port can send them on.
  func offload(of device: Device) -> SenderOffload {
    switch device.virtualHeader {
    case .auto: ports.allSatisfy(\.sendsSegmented) ? .segmentation : .checksum
    case .off: .none
    case .checksum: .checksum
    case .segmentation: .segmentation
    }
  }
}

extension Configuration.Port {
  /// Whether packets can leave by it that are still to be cut, or none ever leave.
  fileprivate var sendsSegmented: Bool {
    switch kind {
    case .tap(let device), .packet(let device):
      device.virtualHeader == .auto || device.virtualHeader == .segmentation
    case .memory, .generator, .pcap: true
    case .afxdp: false
    }
  }
}
