"""Shards on an object store (moto, S3 over HTTP): a killed upload shows nothing; a removal is as on a local disk."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from pipeline.__main__ import main
from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from tests.support.download import make_selection, serving
from tests.support.finished_run import file_bytes
from tests.support.killing import REPOSITORY
from tests.support.s3_server import s3_bucket, upload
from tests.support.waiting import PATIENCE_S

_UPLOAD = """
import sys
from schemas.storage import Folder

with Folder(sys.argv[1]).writing("00000.tar") as sink:
    for _ in range(3):
        sink.write(bytes(40 << 20))  # a part is sent for every 50 MB
    print("sent", flush=True)
    sys.stdin.read()
"""


def open_uploads(bucket: str) -> int:
    fs = fsspec.filesystem("s3", skip_instance_cache=True)
    return len(fs.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads", []))


def write_and_fail(folder: Folder) -> None:
    with folder.writing("00001.tar") as sink:
        for _ in range(2):
            sink.write(bytes(40 << 20))
        raise ValueError("broken")


@pytest.mark.slow
def test_a_killed_upload_shows_nothing_and_another_writes_the_file_whole() -> None:
    with s3_bucket("killed") as url:
        folder = Folder(f"{url}/shards")
        with subprocess.Popen(
            [sys.executable, "-c", _UPLOAD, folder.url], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"sent\n"
            assert open_uploads("killed") == 1
            os.kill(process.pid, signal.SIGKILL)
        assert folder.names() == []
        assert not folder.exists("00000.tar")
        assert open_uploads("killed") == 1  # what a lifecycle rule of the bucket aborts
        with pytest.raises(ValueError, match="broken"):
            write_and_fail(folder)
        assert folder.names() == []
        assert open_uploads("killed") == 1  # that of the process which is gone, not of the one that failed
        folder.write("00000.tar", b"whole")
        assert Folder(f"{url}/shards").read("00000.tar") == b"whole"


def test_a_removal_on_an_object_store_writes_what_it_writes_locally(tmp_path: Path) -> None:
    with serving() as web:
        plans = [["good/1", "status/404"], ["good/2"], ["good/3", "good/4"]]
        pairs = [[(web.url(path), path) for path in paths] for paths in plans]
        make_selection(str(tmp_path / "selection"), pairs)
        run_download(
            DownloadConfig(
                selection=str(tmp_path / "selection"), output=str(tmp_path / "shards"), image_size=32,
                allow_private_addresses=True, num_decode_processes=1, timeout_s=PATIENCE_S,
            )
        )  # fmt: skip
        (tmp_path / "urls.txt").write_text(f"{web.url('good/2')}\n{web.url('status/404')}\n{web.url('good/4')}\n")
    given = ["--urls", str(tmp_path / "urls.txt"), "--since", "2026-06-01"]
    with s3_bucket("removed") as url:
        upload(tmp_path / "shards", f"{url}/shards")
        main(["remove", "--shards", f"{url}/shards", *given])
        fs, root = fsspec.core.url_to_fs(f"{url}/shards", skip_instance_cache=True)
        stored = {name.removeprefix(f"{root}/"): fs.cat_file(name) for name in fs.find(root)}
    main(["remove", "--shards", str(tmp_path / "shards"), *given])
    local = file_bytes(tmp_path / "shards")
    assert stored == local
    assert sorted(name for name in local if name.endswith(".tar")) == ["00000.tar", "00001.tar"]
    assert MANIFEST_FILE in local
