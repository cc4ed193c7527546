"""Which addresses may be asked: public ones only, checked at connect time on the resolved address.

The check sits in the connector's socket factory, so it sees what is really connected to: literals in any
spelling, every redirect, and a DNS answer that changes between a check and the connect.
"""

import ipaddress
import socket
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NOT_PUBLIC: dict[Network, str] = {
    ipaddress.ip_network(network): name
    for network, name in {
        "0.0.0.0/8": "this network (RFC 791)",
        "10.0.0.0/8": "private use (RFC 1918)",
        "100.64.0.0/10": "shared address space (RFC 6598)",
        "127.0.0.0/8": "loopback (RFC 1122)",
        "169.254.0.0/16": "link-local, cloud metadata (RFC 3927)",
        "172.16.0.0/12": "private use (RFC 1918)",
        "192.0.0.0/24": "IETF protocol assignments (RFC 6890)",
        "192.0.2.0/24": "documentation (RFC 5737)",
        "192.88.99.0/24": "6to4 relay anycast, deprecated (RFC 7526)",
        "192.168.0.0/16": "private use (RFC 1918)",
        "198.18.0.0/15": "benchmarking (RFC 2544)",
        "198.51.100.0/24": "documentation (RFC 5737)",
        "203.0.113.0/24": "documentation (RFC 5737)",
        "224.0.0.0/4": "multicast (RFC 5771)",
        "240.0.0.0/4": "reserved, limited broadcast (RFC 1112, RFC 919)",
        "2001::/23": "IETF protocol assignments: Teredo, benchmarking, ORCHID ... (RFC 2928)",
        "2001:db8::/32": "documentation (RFC 3849)",
        "3fff::/20": "documentation (RFC 9637)",
    }.items()
}
"""IANA's special-purpose address registries (as of 2025-10) and its multicast ranges: what is not globally reachable.
An own table, because `ipaddress.is_global` answers otherwise from one Python to the next, and takes site-local
addresses for public. All IPv6 outside `_GLOBAL_UNICAST` is not public either, so that loopback, discard-only, segment
routing, local, link-local, site-local and multicast ranges, and those not given out yet, need no line here."""

_REACHABLE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.9/32", "192.0.0.10/32",  # anycast: port control, TURN (RFC 7723, RFC 8155)
        "2001:1::1/128", "2001:1::2/128", "2001:1::3/128",  # the same, and service registration (RFC 9665)
        "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28",  # AMT, AS112, ORCHIDv2, drone identifiers
    )
)  # fmt: skip
"""Within the ranges above, what the registries call globally reachable."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is given out as global unicast addresses (RFC 4291, IANA's IPv6 address space)."""

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")

TEXT = "the address is not public"


class PrivateAddressError(OSError):
    """A connect to an address that is not public was refused, before any packet."""

    def __init__(self) -> None:
        super().__init__(TEXT)  # one text: aiohttp joins errors of several addresses that differ


def is_public(address: str) -> bool:
    """Tell whether `address` (IPv4 or IPv6 literal) is on the public internet: the same on every Python.

    IPv6 forms that hold an IPv4 address (mapped, NAT64, 6to4) are as public as that address.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        bits = int(found)
        if found in _MAPPED or found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(bits & 0xFFFFFFFF)))
        if found in _6TO4:
            return is_public(str(ipaddress.IPv4Address(bits >> 80 & 0xFFFFFFFF)))
        if found not in _GLOBAL_UNICAST:
            return False
    if not any(found in network for network in NOT_PUBLIC):
        return True
    return any(found in network for network in _REACHABLE)


def public_socket(address_info: Any) -> socket.socket:
    """Make the socket for a resolved address; raise `PrivateAddressError` when it is not public."""
    family, kind, protocol, _, address = address_info
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(address[0]):
        raise PrivateAddressError()
    return socket.socket(family=family, type=kind, proto=protocol)
