"""How much of an input may be broken: like is compared with like, and the message says what is wrong."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.collect.rejected import TooManyRejections, check_rejected_fraction, summed
from schemas.json_object import parse_object
from schemas.rejection import REJECTIONS, Rejection, by_reason, rejections
from schemas.storage import Folder, canonical_json
from schemas.tables import write_tables
from schemas.units import Unit


def part(folder: Folder, number: int, broken: list[Rejection], pairs: int = 0, lost: int = 0, **counts: int) -> Unit:
    """A part as `pipeline.collect.extract` commits it."""
    name = f"parts/{number:05d}"
    stream = folder.write(f"{name}.arrow", b"")
    table = write_tables(folder, f"{name}.rejections.parquet", [rejections("collect", broken)], REJECTIONS)
    body: dict[str, Any] = {
        "counts": {"rejected": len(broken), **counts}, "rejected_by_reason": by_reason(broken), "pairs": pairs,
        "rejected_pairs": lost,
    }  # fmt: skip
    return Unit(f"{name}.json", [stream, table], parse_object(canonical_json(body), name))


def missing(row: int) -> Rejection:
    return Rejection("url_missing", "a.csv", row, None)


def test_up_to_the_limit_nothing_is_said_and_beyond_it_the_reasons(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    bad = Rejection("url_not_http", "a.csv", 7, "ftp://x")
    parts = [part(folder, 0, [bad, missing(8), bad._replace(position=9)], records=5), part(folder, 1, [], records=1)]
    check_rejected_fraction(folder, parts, "url_table", 0.5)
    with pytest.raises(TooManyRejections) as told:
        check_rejected_fraction(folder, parts, "url_table", 0.49)
    assert str(told.value).startswith(
        "3 of 6 records are broken, more than --max-rejected-fraction 0.49: {'url_missing': 1, 'url_not_http': 2}, "
        "such as url_not_http at 7 of a.csv: 'ftp://x'; look at parts/*.rejections.parquet"
    )


def test_nothing_at_all_is_well(tmp_path: Path) -> None:
    check_rejected_fraction(Folder(str(tmp_path)), [], "url_table", 0.0)


def test_files_that_cannot_be_read_are_told_where_they_decide(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    broken = [Rejection("file_unreadable", f"{name}.parquet", -1, "no magic bytes") for name in "ab"]
    parts = [part(folder, number, [found], records=0) for number, found in enumerate(broken)]
    with pytest.raises(TooManyRejections) as told:
        check_rejected_fraction(folder, parts, "url_table", 0.5)
    assert str(told.value).startswith(
        "read as --input-format url_table, a.parquet cannot be read (file_unreadable: no magic bytes; 2 files are so), "
        "and the input has 0 good records beside"
    )
    check_rejected_fraction(folder, [*parts, part(folder, 2, [], records=2)], "url_table", 0.5)


def test_a_file_cut_short_is_told_as_such(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    parts = [part(folder, 0, [Rejection("file_truncated", "a.tar", 9, "ends early")], records=0)]
    with pytest.raises(TooManyRejections, match=r"a\.tar cannot be read to its end \(file_truncated: ends early\)"):
        check_rejected_fraction(folder, parts, "webdataset", 0.5)


def test_of_web_archives_records_and_their_pairs_are_compared_apart(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    malformed = Rejection("record_malformed", "a.warc", 0, "x")
    archive = {"archive_records": 8, "dropped_record_request": 1}
    few_records = part(folder, 0, [malformed, missing(1)], pairs=100, lost=1, **archive)
    check_rejected_fraction(folder, [few_records], "warc", 0.1)
    with pytest.raises(TooManyRejections, match=r"1 of 10 archive records are broken"):
        check_rejected_fraction(folder, [few_records], "warc", 0.09)
    many_pairs = part(folder, 1, [missing(n) for n in range(6)], pairs=10, lost=6, **archive)
    with pytest.raises(TooManyRejections, match=r"6 of 10 pairs are broken"):
        check_rejected_fraction(folder, [many_pairs], "warc", 0.5)


def test_sums_are_by_name() -> None:
    assert summed([{"b": 1}, {"a": 2, "b": 3}]) == {"a": 2, "b": 4}
    assert list(summed([{"b": 1}, {"a": 2}])) == ["a", "b"]
