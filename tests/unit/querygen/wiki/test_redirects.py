"""Redirects of a wiki as a table, from a dictionary or pairs."""

from pathlib import Path

from querygen.wiki.redirects import REDIRECTS, redirect_table, write_redirects
from schemas.storage import Folder
from schemas.tables import read_arrow_file


def test_pairs_keep_their_order_and_may_repeat() -> None:
    pairs = [("NYC", "New York City"), ("NYC", "Other")]
    assert redirect_table(pairs).to_pylist() == [
        {"from_title": "NYC", "to_title": "New York City"}, {"from_title": "NYC", "to_title": "Other"},
    ]  # fmt: skip
    assert redirect_table({"a": "b"}).equals(redirect_table([("a", "b")]))
    assert redirect_table({}).schema.equals(REDIRECTS)


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    table = redirect_table({"NYC": "New York City", "é": "\U0001f600"})
    record = write_redirects(folder, "redirects.arrow", table)
    assert record.rows == 2
    assert read_arrow_file(folder, record, REDIRECTS).equals(table)
