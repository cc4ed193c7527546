"""A server of the tests that speaks Google Cloud Storage: gcp-storage-emulator's, in a thread, objects in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest


@contextmanager
def gcs_bucket(name: str) -> Iterator[str]:
    """Make a bucket; yield its URL, while the environment leads to the server."""
    emulator = pytest.importorskip("gcp_storage_emulator.server", exc_type=ImportError)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # else it looks for credentials for each bucket
        gcsfs = pytest.importorskip("gcsfs", exc_type=ImportError)
        server = emulator.create_server("127.0.0.1", 0, in_memory=True)
        server.start()
        try:
            patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server._api._httpd.server_address[1]}")
            patch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
            gcsfs.GCSFileSystem.clear_instance_cache()
            fsspec.filesystem("gs").mkdir(name)
            yield f"gs://{name}"
        finally:
            gcsfs.GCSFileSystem.clear_instance_cache()
            server.stop()
