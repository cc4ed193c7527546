"""Tar files: read by tarfile, the same bytes every time."""

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.shard.tar import TarWriter


def written(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    tar = TarWriter(buffer)
    for name, data in members.items():
        tar.add(name, data)
    tar.finish()
    return buffer.getvalue()


@given(st.dictionaries(st.from_regex(r"[0-9a-f]{32}\.(jpg|txt)", fullmatch=True), st.binary(max_size=2000), max_size=5))
def test_read_back_and_padded(members: dict[str, bytes]) -> None:
    data = written(members)
    assert data == written(members)
    assert len(data) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = tar.getmembers()
        assert {member.name: tar.extractfile(member).read() for member in found} == members  # type: ignore[union-attr]
    for member in found:
        assert (member.mtime, member.uid, member.gid, member.mode, member.uname) == (0, 0, 0, 0o644, "")
