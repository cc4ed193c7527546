"""The runtime of a process: shared by its users, and it answers each image once."""

import asyncio
from pathlib import Path

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch import runtime as module
from pipeline.download.fetch.queue import Fetched
from pipeline.download.fetch.runtime import FetchRuntime, acquire_runtime, close_runtimes, release_runtime
from pipeline.download.outcome import Encoded, Failure, ImageReference
from tests.support.download import picture

CONFIG = DownloadConfig(selection="s", output="o", num_decode_processes=1, image_size=16, retries=0)


def test_images_that_are_here_are_read_and_others_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(seed=1))
    runtime = FetchRuntime(CONFIG, {"photos": str(tmp_path)})
    try:

        async def both() -> tuple[Fetched, ...]:
            here, gone = (ImageReference("photos", name, None, None) for name in ("a.jpg", "b.jpg"))
            asked = (("a", "http://a.example/", here), ("b", None, gone), ("c", "no url", None))
            return tuple(await asyncio.gather(*(runtime.get(*one) for one in asked)))

        here, gone, malformed = runtime.submit(both()).result()
    finally:
        runtime.close()
    assert isinstance(here.result, Encoded)
    assert here.body_bytes == len(picture(seed=1))
    assert gone.result == Failure("image_missing")
    assert malformed == Fetched(Failure("url_invalid"), None, 0)


def test_the_users_of_a_process_share_one_and_the_last_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Fake:
        def __init__(self, config: DownloadConfig, roots: dict[str, str]) -> None:
            self.roots = roots

        def close(self) -> None:
            closed.append(self.roots)

    monkeypatch.setattr(module, "FetchRuntime", Fake)
    roots = (("photos", "/a"),)
    first = acquire_runtime(CONFIG, roots)
    assert acquire_runtime(CONFIG, roots) is first
    assert acquire_runtime(CONFIG, ()) is not first
    release_runtime(CONFIG, roots)
    assert closed == []
    release_runtime(CONFIG, roots)
    assert closed == [{"photos": "/a"}]
    release_runtime(CONFIG, roots)  # once too often: Beam may tear down twice
    close_runtimes()
    assert closed == [{"photos": "/a"}, {}]
