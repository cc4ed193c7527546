"""What Beam starts in place of a worker: asks `local.fork_server` for one, ends when and as the worker ends.

Run as ``python -I -S fork_client.py SOCKET``: it imports nothing that takes time.
"""

import json
import os
import socket
import sys

SERVER_GONE = 254
"""Exit status when the server ended before it told how the worker did."""


def main(address: str) -> int:
    """Send this environment to the server and wait; return the worker's exit status, 128 and more for a signal."""
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(address)
            server.sendall(json.dumps(dict(os.environ)).encode() + b"\n")
            status = server.recv(1)
        except OSError:
            return SERVER_GONE
        except KeyboardInterrupt:
            return 130
        return status[0] if status else SERVER_GONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
