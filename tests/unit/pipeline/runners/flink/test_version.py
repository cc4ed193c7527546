"""The version of Flink is always said: the cluster's own, the one given, or that of the embedded Flink."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.runners.flink.job import flink_arguments


@contextmanager
def job_manager(version: str) -> Iterator[str]:
    """A server that answers /config as a JobManager of Flink `version` does; yields ``host:port``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"refresh-interval": 3000, "flink-version": version, "features": {}}).encode()
            self.send_response(200 if self.path == "/config" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def said(*arguments: str) -> list[str]:
    """The versions that stand in the completed options; the environment type spares the test a worker pool."""
    found = flink_arguments(["--runner=FlinkRunner", "--environment_type=LOOPBACK", *arguments])
    return [argument.partition("=")[2] for argument in found if argument.startswith("--flink_version")]


def test_embedded_flink_is_of_the_tested_version_or_the_one_given() -> None:
    assert said("--flink_master=[local]") == ["1.19"]
    assert said("--flink_master=[local]", "--flink_version=1.20")[-1] == "1.20"


def test_the_cluster_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLINK_JOB_SERVER_JAR", raising=False)
    with job_manager("1.20.1") as address:
        assert said(f"--flink_master={address}") == ["1.20"]
        assert said(f"--flink_master=http://{address}", "--flink_version=1.20")[-1] == "1.20"
        with pytest.raises(ValueError, match=r"--flink_version 2.1: the cluster at .* runs Flink 1.20; give --flink_v"):
            said(f"--flink_master={address}", "--flink_version=2.1")
        assert said(f"--flink_master={address}", "--flink_version=1.19", "--flink_job_server_jar=own.jar")[-1] == "1.19"


def test_a_cluster_that_no_job_server_fits_and_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLINK_JOB_SERVER_JAR", raising=False)
    with job_manager("1.15.4") as address:
        with pytest.raises(ValueError, match=r"runs Flink 1.15; Beam has job servers for 1.19"):
            said(f"--flink_master={address}")
        assert said(f"--flink_master={address}", "--flink_job_server_jar=own.jar") == ["1.19"]
    with pytest.raises(ValueError, match="no Flink JobManager answers there"):
        said(f"--flink_master={address}")
