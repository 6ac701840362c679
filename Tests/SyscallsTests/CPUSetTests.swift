// SPDX-License-Identifier: Apache-2.0

import Syscalls
import Testing

struct CPUSetTests {
  @Test(arguments: ["", "0", "0-3", "0-3,8", "1,3,5", "62-65,1023"])
  func theListFormatIsReadAndWritten(list: String) {
    #expect(CPUSet(list)?.description == list)
  }

  @Test(arguments: ["x", "3-1", "1024", "-1", "0-", "-", "0-1024", "1 2", "0-2-4"])
  func whatIsNoListIsNil(list: String) {
    #expect(CPUSet(list) == nil)
  }

  @Test func neighboursAreJoined() {
    #expect(CPUSet([4, 0, 1, 2, 64, 63]).description == "0-2,4,63-64")
    #expect(CPUSet("0-2,1-4")?.description == "0-4")
  }

  @Test func setsCanBeCombined() {
    let (low, high): (CPUSet, CPUSet) = ([0, 1, 2], [2, 3, 900])
    #expect(low.intersection(high) == [2])
    #expect(high.subtracting(low) == [3, 900])
    #expect(high.processors == [2, 3, 900] && high.count == 3)
    #expect(CPUSet().isEmpty && !low.isEmpty)
    var set = low
    set.remove(1)
    set.remove(5000)
    #expect(set == [0, 2] && !set.contains(1) && !set.contains(-1) && !set.contains(1024))
  }

  @Test func whatTheThreadMayUseIsOnline() {
    let (allowed, online) = (CPUSet.allowed, CPUSet.online)
    #expect(!allowed.isEmpty)
    #expect(allowed.subtracting(online).isEmpty)
    #expect(online.contains(CPUSet.current))
  }

  @Test func aProcessorIsItsOwnSibling() {
    for processor in CPUSet.online.processors {
      #expect(CPUSet.siblings(of: processor).contains(processor))
      #expect(CPUSet.memoryNode(of: processor) >= 0)
    }
    let cores = CPUSet.online.onePerCore
    #expect(!cores.isEmpty && cores.subtracting(.online).isEmpty)
  }

  @Test func aProcessorThatNoneCanHaveIsAProgrammersError() async {
    await #expect(processExitsWith: .failure) { _ = CPUSet([1024]) }
  }
}
