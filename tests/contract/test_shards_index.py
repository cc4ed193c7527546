"""The index and the column members that `pipeline download` writes are what a reader of the tars finds in them."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.manifest import read_records
from schemas.shard_index import SHARD_INDEX, index_row
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.tar_contents import read_contents
from schemas.tar_samples import TarSamples
from tests.support.download import serving
from tests.support.file_parts import part_of
from tests.support.made_shards import MadeShards, make_shards
from trainer.data.find_index import find_index
from trainer.data.open_data import open_folders

INDEX = "tables/shard_index.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeShards]:
    """Two rounds, a plan without an image, shards with other numbers in the end; from a real server."""
    with serving() as web:
        yield make_shards(tmp_path_factory.mktemp("indexed"), web)


def walked(folder: Path) -> pa.Table:
    """Return the index as the headers of the tars give it."""
    rows = []
    for tar in sorted(folder.glob("*.tar")):
        part = part_of(tar.read_bytes())
        rows.append(index_row(tar.name, read_contents(part), part))
    return pa.concat_tables(rows)


def test_the_index_is_what_the_tars_hold(made: MadeShards) -> None:
    folder = Folder(str(made.folder))
    index = read_table(folder, INDEX, SHARD_INDEX, record=read_records(folder)[INDEX])
    assert index.to_pylist() == walked(made.folder).to_pylist()
    assert len(made.tars) == 3


def test_a_trainer_reads_no_tar_for_its_index(made: MadeShards, tmp_path: Path) -> None:
    """Sizes are all that it looks at: the bytes may be anything."""
    copy = tmp_path / "shards"
    for path in made.folder.rglob("*"):
        target = copy / path.relative_to(made.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            target.write_bytes(bytes(path.stat().st_size) if path.suffix == ".tar" else path.read_bytes())
    opened = open_folders([str(copy)])[0]
    index = find_index(opened.folder, opened.sizes, 1)
    assert pa.concat_tables(index.groups()).to_pylist() == walked(made.folder).to_pylist()


def test_members_are_where_the_table_says(made: MadeShards) -> None:
    for tar in made.tars:
        with tar.open("rb") as raw:
            held = {
                sample.key: [{"suffix": m.suffix, "offset": m.offset, "bytes": m.size} for m in sample.members]
                for sample in TarSamples(raw)
            }
        rows = pq.read_table(made.folder / f"{tar.stem}.parquet", columns=["key", "members"]).to_pylist()
        assert {row["key"]: row["members"] for row in rows if row["members"]} == held
        assert [member["suffix"] for member in next(iter(held.values()))] == [".jpg", ".json", ".txt"]


def test_what_failed_has_no_members(made: MadeShards) -> None:
    rows = [row for path in made.folder.glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    failed = [row for row in rows if row["status"] != "success"]
    assert len(failed) == 3
    assert all(row["members"] == [] for row in failed)
