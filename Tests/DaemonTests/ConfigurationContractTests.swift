// SPDX-License-Identifier: Apache-2.0

import Control
import Testing
import XDPFrame

/// Control knows no datapath and the datapath no Control: that both use the contract's names is proved here.
@Suite struct ConfigurationContractTests {
  @Test func dropReasonsHaveTheSameNamesInTheSameOrder() {
    #expect(DropReason.allCases.map(\.name) == DropCounts.reasons)
  }

  @Test func buffersHaveTheSameOwners() {
    #expect(Owner.allCases.map(\.name) == Report.BufferState.allCases.map(\.rawValue))
  }
}
