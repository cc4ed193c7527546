"""Checksums of whole shards: one changed byte is found, by name; folders without are refused."""

from pathlib import Path

import pytest

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from tests.support.shard_server import serving
from tests.support.small_shards import write_shards
from trainer.data.open_data import open_folders
from trainer.data.verify_shards import verify_shards


def finished(directory: Path, *left_out: str) -> Path:
    """Write shards with a manifest that notes all but `left_out`."""
    folder = Folder(str(directory))
    record = RunRecord(command="pipeline download", config={})
    start_run(folder, record)
    write_shards(directory, 40)
    names = sorted(path.name for path in directory.glob("*.tar"))
    files: list[FileRecord] = [folder.write(name, folder.read(name)) for name in names if name not in left_out]
    write_manifest(folder, "shards", files, rows=40, identity=record.identity, summary={})
    return directory


def test_a_changed_byte_is_found_by_the_worker_whose_part_it_is_in(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    opened = open_folders([str(folder)])
    read: list[int] = []
    verify_shards(opened, 2, read.append)
    assert sum(read) == sum(opened[0].sizes.values())
    data = bytearray((folder / "00001.tar").read_bytes())
    data[5_000] ^= 1
    (folder / "00001.tar").write_bytes(data)
    verify_shards(opened, 2, part=0, parts=2)
    with pytest.raises(ValueError, match=r"00001\.tar: found the SHA-256 .*, not the"):
        verify_shards(opened, 2, part=1, parts=2)


def test_shards_of_a_server_are_read_once(tmp_path: Path) -> None:
    with serving(finished(tmp_path)) as server:
        opened = open_folders([server.url])
        before = sum(server.sent_bytes.values())
        verify_shards(opened, 2)
        sizes = sum(path.stat().st_size for path in tmp_path.glob("*.tar"))
        assert sizes <= sum(server.sent_bytes.values()) - before <= 1.05 * sizes + 100_000


def test_folders_that_note_no_checksums_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--verify-checksums: .*/a has no manifest\.json"):
        verify_shards(open_folders([str(write_shards(tmp_path / "a", 4))]), 1)
    with pytest.raises(ValueError, match=r"--verify-checksums: .*00002\.tar is not in its folder's list of files"):
        verify_shards(open_folders([str(finished(tmp_path / "b", "00002.tar"))]), 1)
