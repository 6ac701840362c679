// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct AddressTests {
  @Test func stationsReadBack() {
    let address = MACAddress(0x02, 0xab, 0, 0x10, 0x0f, 0xff)
    #expect(address.description == "02:ab:00:10:0f:ff")
    #expect(MACAddress("02:AB:00:10:0f:ff") == address)
    #expect(address.isLocal)
    #expect(!address.isMulticast)
    #expect(MACAddress.broadcast.isMulticast)
  }

  @Test(arguments: [
    "", "02", "02:ab:00:10:0f", "02:ab:00:10:0f:ff:00", "2:ab:00:10:0f:ff", "02-ab-00-10-0f-ff",
    "02:ab:00:10:0f:+f", "02:ab:00:10:0f:fg", "02:ab:00:10:0f:ff ", "02:ab::00:10:0f:ff",
  ])
  func whatIsNoStationIsRefused(_ text: String) {
    #expect(MACAddress(text) == nil)
  }

  @Test func ipv4ReadsBack() {
    #expect(IPv4Address("192.0.2.77") == host4b)
    #expect(host4b.description == "192.0.2.77")
    #expect(IPv4Address("239.1.2.3")?.isMulticast == true)
    #expect(!host4a.isMulticast)
  }

  @Test(arguments: ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "a.b.c.d", "1.2.3.4\0"])
  func whatIsNoIPv4AddressIsRefused(_ text: String) {
    #expect(IPv4Address(text) == nil)
  }

  /// RFC 5952, section 4: lower case, longest run of zeros, first of equals, never a single one.
  @Test(arguments: [
    ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    ("0:0:0:0:0:0:0:0", "::"),
    ("::ffff:c000:0201", "::ffff:192.0.2.1"),
    (
      "fedc:ba98:7654:3210:fedc:ba98:7654:3210", "fedc:ba98:7654:3210:fedc:ba98:7654:3210"
    ),
  ])
  func ipv6ReadsBackInCanonicalForm(_ text: String, _ canonical: String) throws {
    let address = try #require(IPv6Address(text))
    #expect(address.description == canonical)
    #expect(IPv6Address(canonical) == address)
  }

  @Test(arguments: ["", ":", "1::2::3", "12345::", "::1%lo", "1:2:3:4:5:6:7", "::1\0"])
  func whatIsNoIPv6AddressIsRefused(_ text: String) {
    #expect(IPv6Address(text) == nil)
  }

  @Test func mappedAddressesAreTold() {
    #expect(IPv6Address(mapped: host4a).mapped == host4a)
    #expect(host6a.mapped == nil)
    #expect(IPv6Address("ff02::1")?.isMulticast == true)
    #expect(!host6a.isMulticast)
  }

  @Test func numbersReadAsTheyAreWritten() {
    #expect(EtherType.arp.description == "0x0806")
    #expect(IPProtocol.udp.description == "17")
    #expect(EtherType.serviceVLAN.isVLAN && EtherType.vlan.isVLAN && !EtherType.ipv4.isVLAN)
  }
}
