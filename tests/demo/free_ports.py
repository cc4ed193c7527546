"""Ports for programs that cannot be given a listening socket."""

import os
import socket
from contextlib import closing

LOWEST, HIGHEST = 10_000, 32_000
"""Below the ports that Linux hands out to whoever asks for any (32,768 on), so only programs that ask for one by its
number could take it between this look and its use."""


def free_ports(count: int) -> list[int]:
    """Return `count` ports on which nobody listens. Two processes look in different places."""
    size = HIGHEST - LOWEST
    found: list[int] = []
    for step in range(size):
        port = LOWEST + (os.getpid() * 101 + step) % size
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"no {count} ports are free between {LOWEST:,} and {HIGHEST:,}")
