"""What the list says of an image: hashes and boxes of carried columns, of any sort, told or refused."""

import json

import pyarrow as pa
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.content.arguments import Arguments, check_columns, image_arguments, parse_boxes, read_arguments

EXTRA = pa.struct([("md5", pa.string()), ("faces", pa.list_(pa.list_(pa.float64())))])


def options(**given: object) -> DownloadConfig:
    return DownloadConfig(selection="s", output="o", **given)  # type: ignore[arg-type]


def test_the_first_captions_values_are_taken() -> None:
    rows = [
        [{"md5": " AB ", "faces": [[0.1, 0.2, 0.3, 0.4]]}, {"md5": "other", "faces": None}],
        [{"md5": None, "faces": None}],
        [{"md5": "c", "faces": [[0.5, 0, 0.1, 1]]}],
    ]
    table = pa.table({"extra": pa.array(rows, pa.list_(EXTRA))})
    asked = options(verify_hash=("md5", "md5"), blurring_bbox_col="faces")
    found = [read_arguments(text) for text in image_arguments(table, EXTRA, asked)]
    assert found == [Arguments("ab", ((0.1, 0.2, 0.3, 0.4),)), Arguments("", ()), Arguments("c", None)]
    assert image_arguments(table, EXTRA, options()) == [b""] * 3
    assert image_arguments(table.slice(0, 0), EXTRA, asked) == []


@pytest.mark.parametrize(
    ("value", "boxes"),
    [
        pytest.param(None, (), id="null"),
        pytest.param("", (), id="empty text"),
        pytest.param("[]", (), id="empty list as text"),
        pytest.param("[[0, 0, 1, 1]]", ((0.0, 0.0, 1.0, 1.0),), id="text"),
        pytest.param([[-0.1, 0, 1.1, 1]], ((-0.1, 0.0, 1.1, 1.0),), id="a little beyond"),
        pytest.param("[[0,0,1]]", None, id="three numbers"),
        pytest.param([[0, 0, float("nan"), 1]], None, id="not a number"),
        pytest.param("[[0,0,1e999,1]]", None, id="infinite"),
        pytest.param([[0.5, 0, 0.1, 1]], None, id="right of its end"),
        pytest.param([[True, 0, 1, 1]], None, id="a truth value"),
        pytest.param("[" * 100_000, None, id="deep"),
        pytest.param("null", None, id="null as text"),
        pytest.param([[0, 0, 1, 1]] * 1001, None, id="too many"),
        pytest.param(7, None, id="a number"),
        pytest.param("faces", None, id="words"),
    ],
)
def test_what_is_no_list_of_boxes_is_told_from_nothing_to_hide(value: object, boxes: object) -> None:
    assert parse_boxes(value) == boxes
    json.dumps(boxes)


@pytest.mark.parametrize(
    ("given", "option"),
    [({"verify_hash": ("sha", "md5")}, "--verify-hash"), ({"blurring_bbox_col": "sha"}, "--blurring")],
)
def test_a_column_that_is_not_carried_is_named(given: dict[str, object], option: str) -> None:
    with pytest.raises(ValueError, match=rf"{option}.*'sha'.*found 'faces', 'md5'"):
        check_columns(EXTRA, options(**given), "selection")
    check_columns(EXTRA, options(verify_hash=("md5", "md5")), "selection")
