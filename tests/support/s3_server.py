"""An S3 server for the tests: moto's, which speaks S3 over HTTP, with its requests noted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import fsspec
import pytest

BUCKET = "crawl"


@contextmanager
def serve_s3(files: Mapping[str, bytes]) -> Iterator[list[str]]:
    """Serve `files` below ``s3://crawl/``, for this process and its children; yield the requests as they come.

    A request is its method, its path and, of a listing, its prefix: ``GET /crawl wat/``.
    """
    moto_server = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    running = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    s3fs.S3FileSystem.clear_instance_cache()  # those of another server of this process
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "a")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fs = fsspec.filesystem("s3", skip_instance_cache=True)
        fs.mkdir(BUCKET)
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
