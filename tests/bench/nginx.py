"""A folder of files served by nginx, in a process of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "nginx is not installed; Debian: apt install nginx-light"
START_TIMEOUT_S = 30.0

_CONFIG = """
{user}daemon off; worker_processes 1; pid {state}/pid; error_log {state}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; default_type image/jpeg; sendfile on; tcp_nopush on; keepalive_timeout 60; keepalive_requests 1000000;
  client_body_temp_path {state}/1; proxy_temp_path {state}/2; fastcgi_temp_path {state}/3; uwsgi_temp_path {state}/4;
  scgi_temp_path {state}/5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}; }}
}}
"""


def nginx_program() -> str | None:
    """Return where nginx is; a user's path often lacks /usr/sbin."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def nginx_serving(folder: Path, state: Path) -> Iterator[str]:
    """Yield the base URL of a server of the files below `folder`; `state` is a folder for nginx itself.

    Raises FileNotFoundError where nginx is not installed.
    """
    program = nginx_program()
    if program is None:
        raise FileNotFoundError(MISSING)
    state.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = "user root; " if os.getuid() == 0 else ""  # else its workers could not read a folder of ours
    (state / "nginx.conf").write_text(_CONFIG.format(user=user, state=state, folder=folder, port=port))
    server = subprocess.Popen([program, "-e", f"{state}/error.log", "-p", state, "-c", f"{state}/nginx.conf"])
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nginx did not start (exit code {server.poll()})")
