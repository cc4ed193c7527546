"""The client of the fork server ends as the worker ends, or says that the server is gone."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest

from pipeline.runners.local.fork_client import SERVER_GONE, main


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s", numbered=True)


def answered(address: Path, answer: bytes) -> tuple[int, dict[str, str]]:
    """Return what the client ends with, and the environment that it sent."""
    received = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as lines:
                received.append(json.loads(lines.readline()))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        status = main(str(address))
        thread.join()
    return status, received[0]


@pytest.mark.parametrize(("answer", "status"), [(b"\0", 0), (b"\x07", 7), (b"\x89", 137), (b"", SERVER_GONE)], ids=repr)
def test_the_status_is_the_workers(short: Path, answer: bytes, status: int) -> None:
    found, environment = answered(short / "s", answer)
    assert found == status
    assert environment == dict(os.environ)


def test_no_server_is_told_by_the_status(short: Path) -> None:
    assert main(str(short / "absent")) == SERVER_GONE
