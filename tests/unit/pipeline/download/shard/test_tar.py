"""Tar files: read by tarfile, the same bytes every time; their writer comes without torch."""

import io
import subprocess
import sys
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.shard.tar import open_tar


def written(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with open_tar(buffer) as tar:
        for name, data in members.items():
            key, suffix = name.split(".")
            tar.write({"__key__": key, suffix: data})
    return buffer.getvalue()


def by_tarfile(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@given(st.dictionaries(st.from_regex(r"[0-9a-f]{32}\.(jpg|txt)", fullmatch=True), st.binary(max_size=2000), max_size=5))
def test_the_bytes_are_those_of_plain_ustar(members: dict[str, bytes]) -> None:
    data = written(members)
    assert data == by_tarfile(members)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = tar.getmembers()
        assert {member.name: tar.extractfile(member).read() for member in found} == members  # type: ignore[union-attr]
    for member in found:
        assert (member.mtime, member.uid, member.gid, member.mode, member.uname) == (0, 0, 0, 0o644, "")


def test_the_writer_comes_without_torch_and_webdataset_whole() -> None:
    code = (
        "import io, sys\n"
        "from pipeline.download.shard.tar import open_tar\n"
        "open_tar(io.BytesIO()).close()\n"
        "assert 'torch' not in sys.modules and 'webdataset' not in sys.modules\n"
        "import webdataset\n"
        "assert webdataset.WebDataset\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
