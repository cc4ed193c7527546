"""Which addresses may be asked: public ones only, checked at connect time on the resolved address.

The check sits in the connector's socket factory, so it sees what is really connected to: literals in any
spelling, every redirect, and a DNS answer that changes between a check and the connect.
"""

import ipaddress
import socket
from typing import Any

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

TEXT = "the address is not public"


class PrivateAddressError(OSError):
    """A connect to an address that is not public was refused, before any packet."""

    def __init__(self) -> None:
        super().__init__(TEXT)  # one text: aiohttp joins errors of several addresses that differ


def is_public(address: str) -> bool:
    """Tell whether `address` (IPv4 or IPv6 literal) is on the public internet.

    Not public: loopback, private, link-local (cloud metadata), shared, multicast, reserved, unspecified;
    and IPv6 forms that embed such an IPv4 address (mapped, 6to4, Teredo, NAT64).
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        embedded = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            embedded.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        if any(inner is not None and not is_public(str(inner)) for inner in embedded):
            return False
        if found.ipv4_mapped is not None or found in _NAT64:
            return True
    return found.is_global and not found.is_multicast and not found.is_reserved


def public_socket(address_info: Any) -> socket.socket:
    """Make the socket for a resolved address; raise `PrivateAddressError` when it is not public."""
    family, kind, protocol, _, address = address_info
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(address[0]):
        raise PrivateAddressError()
    return socket.socket(family=family, type=kind, proto=protocol)
