"""What Beam starts in place of a worker: asks `pipeline.fork_server` for one, ends when and as the worker ends.

Run as ``python -I -S fork_client.py SOCKET``: it imports nothing that takes time.
"""

import json
import os
import socket
import sys


def main(address: str) -> int:
    """Send this environment to the server and wait; return 0 only when the worker says that it is done."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        server.sendall(json.dumps(dict(os.environ)).encode() + b"\n")
        try:
            return 0 if server.recv(1) == b"0" else 1
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
