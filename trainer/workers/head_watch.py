"""Whether a cluster's head still answers: without it Ray ends a run's launcher after a minute, by a line of its own."""

import socket
import time

HEAD_GONE_S = 30.0
"""After so long without an answer the run ends; Ray itself waits 60 s."""
PATIENCE_S = 2.0


class HeadWatch:
    """The head of one cluster, asked by opening a connection to its table of the cluster (GCS)."""

    def __init__(self, address: str) -> None:
        """`address` is HOST:PORT, the host perhaps in brackets."""
        host, _, port = address.rpartition(":")
        self._place = (host.strip("[]"), int(port))
        self._gone_since: float | None = None

    def is_gone(self) -> bool:
        """Ask the head; tell whether it has not answered for `HEAD_GONE_S`."""
        try:
            socket.create_connection(self._place, timeout=PATIENCE_S).close()
            self._gone_since = None
        except OSError:
            self._gone_since = time.monotonic() if self._gone_since is None else self._gone_since
        return self._gone_since is not None and time.monotonic() - self._gone_since >= HEAD_GONE_S
