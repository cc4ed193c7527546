"""Jobs of a launcher are cancelled on a cluster, those of others are not; a cluster that does not answer is left."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.runners.flink.rest import cancel_jobs, get


class Cluster(ThreadingHTTPServer):
    """A Flink with jobs (name, whether it runs) that end when they are cancelled."""

    jobs: dict[str, tuple[str, bool]]
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        jobs = [
            {"jid": number, "name": name, "end-time": -1 if runs else 5}
            for number, (name, runs) in self.server.jobs.items()
        ]
        self.answer(json.dumps({"jobs": jobs}).encode())

    def do_PATCH(self) -> None:
        self.server.asked.append(self.path)
        number = self.path.split("/")[2].partition("?")[0]
        self.server.jobs[number] = (self.server.jobs[number][0], False)
        self.answer(b"{}")

    def answer(self, body: bytes) -> None:
        self.send_response(202)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(("127.0.0.1", 0), Handler) as server:
        server.jobs, server.asked = {}, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_running_jobs_of_this_launcher_are_cancelled(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    cluster.jobs = {"a": ("BeamApp-mine-1", True), "b": ("BeamApp-other", True), "c": ("x-mine", False)}
    master = f"http://127.0.0.1:{cluster.server_port}"
    cancel_jobs(master, "mine")
    assert cluster.asked == ["/jobs/a?mode=cancel"]
    assert [job["end-time"] for job in get(f"{master}/jobs/overview")["jobs"]] == [5, -1, 5]


@pytest.mark.parametrize("master", ["[local]", "[auto]", "http://127.0.0.1:1"])
def test_what_does_not_answer_is_left_alone(master: str) -> None:
    cancel_jobs(master, "mine")
