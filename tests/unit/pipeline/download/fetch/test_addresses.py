"""Which addresses count as public."""

import ipaddress
import socket

import pytest

from pipeline.download.fetch.addresses import PrivateAddressError, is_public, public_socket


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::",
        "fd00:ec2::254", "not an address", "",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


REGISTERS = {
    "0.0.0.0/8": False, "10.0.0.0/8": False, "100.64.0.0/10": False, "127.0.0.0/8": False, "169.254.0.0/16": False,
    "172.16.0.0/12": False, "192.0.0.0/29": False, "192.0.0.8/32": False, "192.0.0.9/32": True, "192.0.0.10/32": True,
    "192.0.0.170/31": False, "192.0.2.0/24": False, "192.31.196.0/24": True, "192.52.193.0/24": True,
    "192.88.99.0/24": False, "192.168.0.0/16": False, "192.175.48.0/24": True, "198.18.0.0/15": False,
    "198.51.100.0/24": False, "203.0.113.0/24": False, "240.0.0.0/4": False, "224.0.0.0/4": False,
    "::1/128": False, "::/128": False, "64:ff9b:1::/48": False, "100::/64": False, "100:0:0:1::/64": False,
    "2001::/32": False, "2001:1::1/128": True, "2001:1::2/128": True, "2001:1::3/128": True, "2001:2::/48": False,
    "2001:3::/32": True, "2001:4:112::/48": True, "2001:10::/28": False, "2001:20::/28": True, "2001:30::/28": True,
    "2001:100::/24": False, "2001:db8::/32": False, "2620:4f:8000::/48": True, "3fff::/20": False, "5f00::/16": False,
    "fc00::/7": False, "fe80::/10": False, "fec0::/10": False, "ff00::/8": False,
    "::ffff:0:0:0/96": False, "::192.0.2.0/120": False, "4000::/3": False, "2001:200::/23": True, "2a00::/12": True,
}  # fmt: skip
"""IANA's special-purpose registers of IPv4 and IPv6 (N/A is not reachable), multicast, what is not given out, and two
blocks of regional registries."""


@pytest.mark.parametrize("network", REGISTERS)
def test_the_registers_of_iana_first_and_last_address_of_each_block(network: str) -> None:
    block = ipaddress.ip_network(network)
    assert [is_public(str(block[0])), is_public(str(block[-1]))] == [REGISTERS[network]] * 2


def test_an_address_that_holds_an_ipv4_address_is_as_public_as_that_one() -> None:
    for network, reachable in REGISTERS.items():
        block = ipaddress.ip_network(network)
        if block.version == 4:
            bits = int(block[0])
            for holder in (0xFFFF << 32 | bits, 0x64FF9B << 96 | bits, 0x2002 << 112 | bits << 80):
                assert is_public(str(ipaddress.IPv6Address(holder))) == reachable, (network, hex(holder))


def test_the_socket_factory_refuses_before_a_socket_exists() -> None:
    with pytest.raises(PrivateAddressError):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80)))
    public_socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("8.8.8.8", 80))).close()
