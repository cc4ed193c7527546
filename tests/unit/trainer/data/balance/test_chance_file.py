"""Chances of samples: those of the definition in exact fractions; what tells no queries, or others', is refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.sample import FURTHER_CAPTIONS
from schemas.storage import Folder
from schemas.tables import read_table, write_table
from tests.support.balanced_shards import (
    SIDECAR,
    chances_of,
    image_id,
    prepare,
    write_balanced,
    write_queries,
    zipf_samples,
)
from tests.support.small_shards import write_shards
from tests.unit.trainer.data.test_open_data import Told
from trainer.data.balance.chance_file import (
    CHANCES_FILE,
    COUNTS_FILE,
    EXPECTED_FILE,
    PIECE,
    Chances,
    check_has_counts,
    read_expected,
)
from trainer.data.balance.chances import ALWAYS, UNIT, chances, count_queries, missed_by_query, multiply_missed


def stored(index: Folder, samples: int) -> list[int]:
    return [chance for piece in Chances(index, 0, samples).pieces() for chance in piece.tolist()]


def check(index: Folder, wanted: list[Fraction]) -> None:
    """Each chance to the nearest 2^-32, and their sum."""
    found = stored(index, len(wanted))
    for chance, exact in zip(found, wanted, strict=True):
        assert (chance == ALWAYS) if exact == 1 else abs(Fraction(chance, UNIT) - exact) <= Fraction(6, 10 * UNIT)
    expected = sum(read_expected(index).drawn)
    assert expected == sum(UNIT if chance == ALWAYS else chance for chance in found)
    assert abs(Fraction(expected, UNIT) - sum(wanted)) <= Fraction(len(wanted), UNIT)


@settings(max_examples=100, deadline=None)
@given(
    samples=st.lists(st.lists(st.lists(st.integers(0, 7), max_size=5, unique=True), max_size=3), max_size=30),
    cap=st.integers(1, 12),
)
def test_the_rule_is_the_definition(samples: list[list[list[int]]], cap: int) -> None:
    ids = np.array([query for captions in samples for queries in captions for query in queries], dtype=np.int32)
    ends = np.cumsum([sum(map(len, captions)) for captions in samples], dtype=np.int64)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends])
    counts = np.zeros(8, dtype=np.int64)
    count_queries(starts[:-1], starts[1:], ids, counts)
    assert counts.tolist() == [ids.tolist().count(query) for query in range(8)]
    missed = np.ones(len(samples))
    multiply_missed(starts[:-1], starts[1:], ids, missed_by_query(counts, cap), missed)
    for found, exact in zip(chances(missed).tolist(), chances_of(samples, cap), strict=True):
        assert (found == ALWAYS) if exact == 1 else abs(Fraction(found, UNIT) - exact) <= Fraction(6, 10 * UNIT)


@pytest.mark.parametrize("threads", [1, 3])
def test_chances_of_shards_with_rows_that_failed(tmp_path: Path, threads: int) -> None:
    samples = zipf_samples(400, 60)
    for number in (0, 7, 49, 50, 51, 399):
        samples[number] = None
    index = prepare(tmp_path / "run", write_balanced(tmp_path / "a", samples, 60), cap=9, threads=threads)
    kept = [one for one in samples if one is not None]
    check(index, chances_of(kept, 9))
    assert read_expected(index).samples == [394]
    found = read_table(index, COUNTS_FILE)
    assert found["captions"].to_pylist() == [sum(query in q for one in kept for q in one) for query in range(60)]


def test_samples_without_queries_are_never_drawn(tmp_path: Path) -> None:
    index = prepare(tmp_path / "run", write_balanced(tmp_path / "a", [[[0]], [[]], [[0], []], [[], [1]]], 3), cap=1)
    assert stored(index, 4) == [UNIT // 2, 0, UNIT // 2, ALWAYS]
    assert read_expected(index).never == 1


def test_the_same_text_is_one_query_in_all_folders(tmp_path: Path) -> None:
    first = write_balanced(tmp_path / "a", [[[0, 1]]] * 3, 2, texts=["tree", "cat"])
    second = write_balanced(tmp_path / "b", [[[0], [2]]] * 5, 3, texts=["cat", "sun", "dog"])
    index = prepare(tmp_path / "run", first, second, cap=2)
    as_one = [[[0, 1]]] * 3 + [[[1], [2]]] * 5
    check(index, chances_of(as_one, 2))
    table = read_table(index, COUNTS_FILE)
    assert dict(zip(table["text"].to_pylist(), table["captions"].to_pylist(), strict=True)) == {
        "tree": 3, "cat": 8, "sun": 0, "dog": 5,
    }  # fmt: skip
    assert read_expected(index).samples == [3, 5]


def test_further_captions_count_and_give_chances(tmp_path: Path) -> None:
    samples = zipf_samples(120, 20, seed=2)
    first = write_balanced(tmp_path / "a", samples, 20)
    second = write_balanced(tmp_path / "b", [[[5]]], 20)
    added = {3: [[0], [19]], 60: [[1, 2]], 119: [[4]]}
    for plan, numbers in ((7, (3, 119)), (8, (60,))):
        rows = [
            {"key": f"{number:06d}", "image_id": image_id(number), "captions": ["y"] * len(added[number]),
             "pair_ids": [bytes(16)] * len(added[number]), "query_ids": added[number]}
            for number in numbers
        ]  # fmt: skip
        rows.append({"key": "gone", "image_id": b"g" * 16, "captions": [], "pair_ids": [], "query_ids": [[0]]})
        table = pa.Table.from_pylist(rows, FURTHER_CAPTIONS)
        write_table(Folder(str(second)), f"further_captions/{plan:05d}.parquet", table, FURTHER_CAPTIONS)
    index = prepare(tmp_path / "run", first, second, cap=4)
    whole = [[*(one or []), *added.get(number, [])] for number, one in enumerate(samples)]
    # the one sample of the second folder has the image_id of the first of the first folder, which has none added
    check(index, chances_of([*whole, [[5]]], 4))


def test_a_run_goes_on_after_any_file(tmp_path: Path) -> None:
    shards = write_balanced(tmp_path / "a", zipf_samples(300, 40), 40)
    index = prepare(tmp_path / "run", shards, cap=5)
    whole = [index.read(name) for name in (CHANCES_FILE, COUNTS_FILE, EXPECTED_FILE)]
    for gone in ((EXPECTED_FILE,), (EXPECTED_FILE, CHANCES_FILE), (EXPECTED_FILE, CHANCES_FILE, COUNTS_FILE)):
        for name in gone:
            index.delete(name)
        prepare(tmp_path / "run", shards, cap=5)
        assert [index.read(name) for name in (CHANCES_FILE, COUNTS_FILE, EXPECTED_FILE)] == whole
    (shards / "00000.parquet").unlink()
    prepare(tmp_path / "run", shards, cap=5)  # nothing is read again


def test_shards_on_another_filesystem_give_the_same(tmp_path: Path) -> None:
    shards = write_balanced(tmp_path / "a", zipf_samples(120, 20), 20)
    remote = Folder("memory://balanced")
    for path in shards.rglob("*"):
        if path.is_file():
            remote.write(path.relative_to(shards).as_posix(), path.read_bytes())
    here, there = prepare(tmp_path / "1", shards, cap=3), prepare(tmp_path / "2", remote.url, cap=3)  # type: ignore[arg-type]  # a URL
    assert here.read(CHANCES_FILE) == there.read(CHANCES_FILE)


def test_folders_without_counts_are_refused(tmp_path: Path) -> None:
    plain = Folder(str(write_shards(tmp_path / "plain", 20)))
    with pytest.raises(FileNotFoundError, match=r"plain has no tables/queries\.parquet, so a cap has no counts"):
        check_has_counts([plain])
    write_queries(plain, ["a"])
    with pytest.raises(FileNotFoundError, match=r"00000\.tar has no 00000\.parquet beside it, so a cap has no counts"):
        check_has_counts([plain])
    for number in range(2):
        pq.write_table(pa.table({"key": ["a"], "status": ["success"]}), tmp_path / "plain" / f"{number:05d}.parquet")
    with pytest.raises(ValueError, match=r"00000\.parquet: no column 'query_ids', so a cap has no counts"):
        check_has_counts([plain])
    (tmp_path / "plain" / "00000.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"00000\.parquet: expected a Parquet file that Arrow can read"):
        check_has_counts([plain])
    check_has_counts([Folder(str(write_balanced(tmp_path / "good", [[[0]]], 1)))])


def rewritten(path: Path, **columns: object) -> None:
    table = pq.read_table(path)
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        array = values if isinstance(values, pa.Array) else pa.array(values, table.schema.field(name).type)
        table = table.set_column(place, name, array)
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"status": ["success"] * 39 + ["failed_to_resize"]}, "39 rows of status success, 00000.tar has 40 samples"),
        ({"key": [f"x{number}" for number in range(40)]}, "key 'x32' stands where 00000.tar has '000032'; expected a"),
        ({"query_ids": [[[3]]] * 40}, "query ids must be from 0 to 2, found 3"),
        ({"query_ids": [[[-1]]] * 40}, "query ids must be from 0 to 2, found -1"),
        ({"query_ids": pa.array([[[1]]] * 39 + [[None]])}, "a list for each caption, found nulls"),
        ({"query_ids": pa.array([[[1]]] * 39 + [None])}, "a list for each caption, found nulls"),
        ({"query_ids": pa.array([[[1]]] * 39 + [[[None]]])}, "expected columns .*query_ids|query ids must be numbers"),
        ({"query_ids": pa.array(["1"] * 40)}, "expected columns .*query_ids"),
    ],
)
def test_sidecars_that_do_not_fit_are_errors_that_name_them(
    tmp_path: Path, columns: dict[str, object], told: str
) -> None:
    shards = write_balanced(tmp_path / "a", [[[number % 3]] for number in range(40)], 3)
    rewritten(shards / "00000.parquet", **columns)
    with pytest.raises(ValueError, match=rf"00000\.parquet: .*{told}") as caught:
        prepare(tmp_path / "run", shards, cap=2)
    assert "\n" not in str(caught.value)


def test_a_sidecar_of_another_shard_is_refused(tmp_path: Path) -> None:
    shards = write_balanced(tmp_path / "a", [[[0]]] * 100, 1)
    (shards / "00000.parquet").write_bytes((shards / "00001.parquet").read_bytes())
    with pytest.raises(ValueError, match=r"00000\.parquet: key '000082' stands where 00000\.tar has '000032'"):
        prepare(tmp_path / "run", shards, cap=2)


def test_a_file_of_chances_that_is_cut_is_an_error(tmp_path: Path) -> None:
    index = prepare(tmp_path / "run", write_balanced(tmp_path / "a", [[[0]]] * 100, 1), cap=2)
    index.write(CHANCES_FILE, index.read(CHANCES_FILE)[:-1])
    with pytest.raises(ValueError, match=r"chances\.bin: the file is cut off"):
        stored(index, 100)
    assert PIECE % 8 == 0


def test_the_sidecars_schema_is_that_of_download() -> None:
    assert {"key", "status", "image_id", "query_ids"} <= set(SIDECAR.names)


def test_both_passes_show_how_far_they_are(tmp_path: Path) -> None:
    folder = write_balanced(tmp_path / "a", zipf_samples(400, 60), 60)
    told = Told()
    prepare(tmp_path / "run", folder, cap=9, reporter=told)
    total = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    num_tars = len(list(folder.glob("*.tar")))
    assert num_tars > 1
    for title in ("captions of each query", "chances of the samples"):
        done = [call[1] for call in told.shown if call[0] == title]
        assert len(done) == num_tars
        assert done == sorted(done)
        assert (done[-1], {call[2] for call in told.shown}) == (total, {total})
