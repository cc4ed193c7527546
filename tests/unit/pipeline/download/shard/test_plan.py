"""Plans: rows of one image become one image with its captions."""

import pytest

from pipeline.download.shard.plan import group_by_image
from tests.support.download import selection_table


def test_captions_of_one_image_come_together_by_rank() -> None:
    rows = [(f"http://a.example/{number % 7}", f"caption {number}") for number in range(30)]
    table = selection_table([*rows], 0)
    images, first_row = group_by_image(table, "test")
    expected: dict[str, list[dict]] = {}
    for row in table.to_pylist():
        expected.setdefault(row["key"], []).append(row)
    found = images.to_pylist()
    assert [row["key"] for row in found] == sorted(expected)
    for row, first in zip(found, first_row, strict=True):
        group = expected[row["key"]]
        assert [each["rank"] for each in group] == sorted(each["rank"] for each in group)
        assert row["captions"] == [each["caption"] for each in group]
        assert row["pair_ids"] == [each["pair_id"] for each in group]
        assert row["query_ids"] == [each["query_ids"] for each in group]
        assert row["caption"] == group[0]["caption"]
        assert row["url"] == group[0]["url"]
        assert table["caption"][int(first)].as_py() == row["caption"]


def test_an_empty_selection_file_has_no_images() -> None:
    table = selection_table([("http://a.example/1", "x")], 0).slice(0, 0)
    assert len(group_by_image(table, "test")[0]) == 0


def test_rows_out_of_order_are_refused() -> None:
    table = selection_table([(f"http://a.example/{number}", "x") for number in range(5)], 0)
    with pytest.raises(ValueError, match=r"somewhere.*sorted"):
        group_by_image(table.take([2, 0, 1, 3, 4]), "somewhere")
