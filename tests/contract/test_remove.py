"""`pipeline remove`: lists of `pipeline filter` joined to the removals of shards, as the trainer reads them."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.remove.config import RemoveConfig
from pipeline.remove.job import run_remove
from schemas.filtered import KIND, REMOVED, REMOVED_NAME
from schemas.manifest import write_manifest
from schemas.removals import read_removals
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import write_tables
from schemas.tar_contents import key_hash
from tests.support.removals import SINCE, write_removals
from tests.support.small_shards import write_shards

DAY = datetime.date(2026, 6, 1)


def filtered(path: Path, **reasons: str) -> str:
    """Write what `pipeline filter` writes, of these keys and reasons; return its path."""
    folder, record = Folder(str(path)), RunRecord(command="pipeline filter", config={})
    start_run(folder, record)
    table = pa.Table.from_pylist([{"key": key, "reason": reason} for key, reason in reasons.items()], REMOVED)
    file = write_tables(folder, REMOVED_NAME, [table], REMOVED)
    write_manifest(folder, KIND, [file], rows=len(table), identity=record.identity, summary={"rows": 3, "unusable": 1})
    return str(path)


def rows(shards: Path) -> list[tuple]:
    found = pq.read_table(shards / "removals.parquet").to_pylist()
    return [(row["key"], row["image_id"], row["sha256"], row["reason"], row["since"]) for row in found]


def test_removals_are_joined_and_none_is_taken_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shards = write_shards(tmp_path / "shards", 4)
    write_removals(shards, {"key": "old"}, {"image_id": bytes(16)}, {"sha256": "ab" * 32})
    before = rows(shards)
    first = filtered(tmp_path / "first", a="low_similarity", old="near_duplicate", b="near_duplicate")
    second = filtered(tmp_path / "second", b="evaluation_image", c="evaluation_image", **{"0" * 32: "low_similarity"})
    command = ["remove", "--shards", str(shards), "--filtered", first, second, "--since", "2026-06-01"]
    main(command)
    expected = [("a", "low_similarity"), ("b", "near_duplicate"), ("c", "evaluation_image")]
    assert rows(shards) == before + [(key, None, None, reason, DAY) for key, reason in expected]
    assert before[0][-1] == SINCE
    said = capsys.readouterr().out
    told = [[cell.strip() for cell in line.split("│")[1:3]] for line in said.splitlines()]
    assert told[2:-1] == [
        ["removals that were there", "3"], ["named again", "3"], ["added", "3"], ["evaluation_image", "1"],
        ["low_similarity", "1"], ["near_duplicate", "1"], ["in", str(shards / "removals.parquet")],
    ]  # fmt: skip
    written = (shards / "removals.parquet").read_bytes()
    main(command)
    assert (shards / "removals.parquet").read_bytes() == written
    removals = read_removals(Folder(str(shards)))
    assert removals is not None
    assert removals.of_keys(np.array([key_hash(key) for key in ("a", "b", "c", "d")])).tolist() == [True] * 3 + [False]


def test_the_day_is_today_unless_given(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", 1)
    begun = datetime.datetime.now(datetime.timezone.utc).date()
    run_remove(RemoveConfig(shards=str(shards), filtered=(filtered(tmp_path / "f", a="low_similarity"),)))
    assert begun <= rows(shards)[0][-1] <= datetime.datetime.now(datetime.timezone.utc).date()


def test_samples_that_no_features_were_made_of_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for samples, told in ((4, False), (6, True)):
        shards = write_shards(tmp_path / f"{samples}", samples)
        main(["index", str(shards)])
        main(["remove", "--shards", str(shards), "--filtered", filtered(tmp_path / f"f{samples}", a="low_similarity")])
        said = " ".join(capsys.readouterr().out.split())
        assert ("note: 2 samples of the shards were not among the features: embed them again" in said) == told


def test_nothing_to_remove_writes_nothing(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", 1)
    report = run_remove(RemoveConfig(shards=str(shards), filtered=(filtered(tmp_path / "f"),)))
    assert (report.before, report.added, report.known) == (0, {}, 0)
    assert not (shards / "removals.parquet").exists()


@pytest.mark.parametrize(
    ("shards", "lists", "more", "told"),
    [
        ("absent", "f", [], "absent: no such folder; expected one of shards"),
        ("f", "f", [], "f: expected a shards folder, found kind 'filtered'"),
        ("empty", "f", [], "no .tar file; expected a folder of shards"),
        ("shards", "shards", [], "shards is no filtered folder"),
        ("shards", "f", ["--since", "2026-02-30"], "since: day is out of range"),
    ],
    ids=["absent", "filtered", "empty", "shards", "day"],
)
def test_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shards: str, lists: str, more: list[str], told: str
) -> None:
    write_shards(tmp_path / "shards", 1)
    (tmp_path / "empty").mkdir()
    filtered(tmp_path / "f", a="low_similarity")
    with pytest.raises(SystemExit) as ended:
        main(["remove", "--shards", str(tmp_path / shards), "--filtered", str(tmp_path / lists), *more])
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_removals_that_are_none_stay_as_they_are(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards", 1)
    (shards / "removals.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match=r"removals.parquet: expected a Parquet file"):
        run_remove(RemoveConfig(shards=str(shards), filtered=(filtered(tmp_path / "f", a="low_similarity"),)))
    assert (shards / "removals.parquet").read_bytes() == b"no Parquet"
