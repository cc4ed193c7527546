"""S3 servers for the tests: moto's, which speaks S3 over HTTP. One notes its requests, one is a process of its own."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest

BUCKET = "crawl"

_SERVE = (
    "import sys; from moto.server import ThreadedMotoServer; "
    "server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); server.start(); "
    "print(server.get_host_and_port()[1], flush=True); sys.stdin.read(); server.stop()"
)


@contextmanager
def _bucket_at(port: int | str, name: str) -> Iterator[Any]:
    """Make a bucket on the server at `port`; yield the file system, while the environment leads to that server."""
    s3fs = pytest.importorskip("s3fs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "a")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()  # those of another server of this process
        fs = fsspec.filesystem("s3", skip_instance_cache=True)
        fs.mkdir(name)
        yield fs
        s3fs.S3FileSystem.clear_instance_cache()


@contextmanager
def serve_s3(files: Mapping[str, bytes]) -> Iterator[list[str]]:
    """Serve `files` below ``s3://crawl/``, for this process and its children; yield the requests as they come.

    A request is its method, its path and, of a listing, its prefix: ``GET /crawl wat/``.
    """
    moto_server = pytest.importorskip("moto.server")
    running = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    with _bucket_at(running.get_host_and_port()[1], BUCKET) as fs:
        for name, body in files.items():
            fs.pipe_file(f"{BUCKET}/{name}", body)
        requests: list[str] = []
        serving = running._server.app

        def noted(environ, start_response):  # type: ignore[no-untyped-def]  # as WSGI calls it
            requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            return serving(environ, start_response)

        running._server.app = noted
        yield requests
        fs.rm(BUCKET, recursive=True)  # the servers of a process share their buckets
    running.stop()


@contextmanager
def s3_bucket(name: str) -> Iterator[str]:
    """Yield the URL of a new bucket, on a server in a process of its own. Skips without moto or s3fs."""
    pytest.importorskip("moto.server")
    command = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        with _bucket_at(process.stdout.readline().strip(), name):
            yield f"s3://{name}"
        process.stdin.close()


def upload(folder: Path, url: str) -> str:
    """Copy the files of `folder` to `url`; return it."""
    fs, root = fsspec.core.url_to_fs(url)
    for path in folder.rglob("*"):
        if path.is_file():
            fs.pipe_file(f"{root}/{path.relative_to(folder)}", path.read_bytes())
    return url
