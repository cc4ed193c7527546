"""Raw pairs: captions stored as stated, every fault a rejection of its own reason, the rest kept."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collect.raw_pairs import check_pairs
from pipeline.sources.source import raw_schema
from schemas.text import stored_caption


def raw(captions: list[str | None], urls: list[str | None] | None = None) -> pa.Table:
    rows = len(captions)
    return pa.Table.from_arrays(
        [
            pa.array(urls or [f"http://a.example/{n}" for n in range(rows)], pa.string()),
            pa.nulls(rows, raw_schema(None).field("image_ref").type),
            pa.array(captions, pa.string()),
            pa.array(["alt"] * rows, pa.string()),
            pa.nulls(rows, pa.string()),
            pa.array(range(rows), pa.int64()),
            pa.nulls(rows, pa.string()),
            pa.nulls(rows, pa.string()),
        ],
        schema=raw_schema(None),
    )


def invalid_utf8(values: list[bytes]) -> pa.Array:
    return pa.array(values, pa.binary()).view(pa.string())


@given(
    st.lists(
        st.text(max_size=30) | st.text(st.sampled_from("a \t\u00a0e\u0301\u0085é\ufeff"), max_size=12), max_size=20
    )
)
def test_captions_are_stored_in_stored_form(captions: list[str]) -> None:
    found = check_pairs(raw(list(captions)), 10_000)
    assert found.pairs["caption"].to_pylist() == [stored for text in captions if (stored := stored_caption(text))]
    empty = [row for row, text in enumerate(captions) if not stored_caption(text)]
    assert [(row, why) for row, why, _ in found.broken] == [(row, "caption_missing") for row in empty]


def test_a_byte_order_mark_in_front_is_none_of_the_caption() -> None:
    found = check_pairs(raw(["\ufeffx y", "x\ufeffy", " \ufeff z", "\ufeff"]), 10_000)
    assert found.pairs["caption"].to_pylist() == ["x y", "x\ufeffy", "z"]
    assert [(row, why) for row, why, _ in found.broken] == [(3, "caption_missing")]


@given(st.lists(st.binary(max_size=12), max_size=20))
def test_bytes_that_are_no_utf8_are_rejections(values: list[bytes]) -> None:
    table = raw(["x"] * len(values))
    found = check_pairs(table.set_column(2, "caption", invalid_utf8(values)), 10_000)
    for row, value in enumerate(values):
        why = {row: why for row, why, _ in found.broken}.get(row)
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            assert why == "caption_not_utf8"
        else:
            assert why == (None if stored_caption(text) else "caption_missing")


def test_each_fault_has_its_reason_and_the_first_one_counts() -> None:
    long = "x" * 101
    found = check_pairs(
        raw(
            ["ok", "ok", "ok", "ok", None, long, "ok", None],
            ["http://a/1", None, "ftp://a", "http://", "http://a/2", "http://a/3", "http://a b/", None],
        ),
        100,
    )
    assert [(row, why) for row, why, _ in found.broken] == [
        (1, "url_missing"),
        (2, "url_not_http"),
        (3, "url_without_host"),
        (4, "caption_missing"),
        (5, "caption_too_long"),
        (6, "url_bad_character"),
        (7, "url_missing"),
    ]
    assert found.broken[1][2] == b"ftp://a"
    assert found.pairs["url"].to_pylist() == ["http://a/1"]


def test_a_blank_in_a_url_is_what_browsers_ask_for() -> None:
    found = check_pairs(raw(["a", "a", "a"], ["http://h/b c.jpg", "http://h/b%20c.jpg", "http://h/a\nb.jpg"]), 100)
    assert found.broken == []
    assert found.pairs["url"].to_pylist() == ["http://h/b%20c.jpg", "http://h/b%20c.jpg", "http://h/ab.jpg"]
    first, second, third = found.pairs["pair_id"].to_pylist()
    assert first == second != third


def test_a_long_url_is_measured_without_the_space_around_it() -> None:
    url = "http://h/" + "x" * 8_000
    assert check_pairs(raw(["a"], [" " * 400 + url]), 100).pairs["url"].to_pylist() == [url]


def test_white_space_around_a_url_is_cut_and_the_same_image() -> None:
    found = check_pairs(raw(["a", "a"], [" http://a.example/x\n", "HTTP://a.example:80/x#top"]), 100)
    assert found.broken == []
    assert found.pairs["url"].to_pylist() == ["http://a.example/x", "HTTP://a.example:80/x#top"]
    ids = found.pairs["pair_id"].to_pylist()
    assert ids[0] == ids[1]


def test_a_missing_caption_is_empty_where_none_is_needed() -> None:
    found = check_pairs(raw(["a", None, ""]), 10_000, needs_caption=False)
    assert (found.pairs["caption"].to_pylist(), found.broken) == (["a", "", ""], [])
