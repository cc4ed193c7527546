"""What a full disk fails a write by names the file, and leaves no half of it."""

import errno
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.storage import Folder
from schemas.tables import write_table
from schemas.write_failures import raise_named
from tests.support.file_limit import file_limit

LIMIT = 1 << 20


@pytest.mark.parametrize("name", ["a/x.bin", "run.json"])
def test_a_write_that_the_system_fails_names_its_file_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    folder = Folder(str(tmp_path))
    write = folder.create if name == "run.json" else folder.write
    with file_limit(LIMIT), pytest.raises(OSError, match=name) as failed:
        write(name, b"x" * (LIMIT + 1))
    assert (failed.value.errno, failed.value.filename) == (errno.EFBIG, folder.path(name))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    write(name, b"x")
    assert folder.read(name) == b"x"


def test_arrows_writes_do_too(tmp_path: Path) -> None:
    table = pa.table({"a": np.random.default_rng(0).integers(0, 1 << 62, LIMIT // 4)})
    with file_limit(LIMIT), pytest.raises(OSError, match=r"t\.parquet"):
        write_table(Folder(str(tmp_path)), "t.parquet", table, table.schema)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOENT, "gone"), OSError(errno.ENOSPC, "full", "/there"), ValueError("x"), TimeoutError("late")],
    ids=["another kind", "named already", "no system's", "no number"],
)
def test_what_is_of_another_kind_stays(error: Exception) -> None:
    raise_named(error, "/here")
