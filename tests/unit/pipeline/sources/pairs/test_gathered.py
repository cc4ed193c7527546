"""What a scanner puts into the sink comes out as tables, each pair once; a page that does not fit makes it larger."""

from pipeline.sources.pairs.gathered import Gathered
from pipeline.sources.pairs.pair_sink import (
    CAPTION_BYTES,
    COUNTS,
    DATA_URLS,
    FULL,
    PAGE_BYTES,
    PAGES,
    ROWS,
    TEXT_SOURCES,
    URL_BYTES,
    Sink,
)
from pipeline.sources.source import Dropped, raw_schema


def put(column: object, begin: int, text: str) -> int:
    raw = text.encode()
    column[begin : begin + len(raw)] = memoryview(raw)  # type: ignore[index]
    return begin + len(raw)


def add_page(sink: Sink, facts: tuple[str, str, str], position: int, pairs: list[tuple[str, str]]) -> None:
    """Do as the scanner does: `facts` are the page's address, language and licence, `pairs` addresses and texts."""
    state = sink.state
    for url, caption in pairs:
        row = state[ROWS]
        state[URL_BYTES] = sink.url_ends[row + 1] = put(sink.urls, state[URL_BYTES], url)
        state[CAPTION_BYTES] = sink.caption_ends[row + 1] = put(sink.captions, state[CAPTION_BYTES], caption)
        sink.sources[row], sink.row_pages[row] = TEXT_SOURCES.index("title"), state[PAGES]
        state[ROWS] = row + 1
    for kind, fact in enumerate(facts):
        state[PAGE_BYTES] = put(sink.page_texts, state[PAGE_BYTES], fact)
        sink.page_ends[3 * state[PAGES] + 1 + kind] = state[PAGE_BYTES]
    sink.page_positions[state[PAGES]] = position
    state[PAGES] += 1


def test_pairs_come_with_the_facts_of_their_pages() -> None:
    gathered = Gathered()
    add_page(gathered.sink, ("http://p/1", "en", ""), 10, [("http://a/1", "one"), ("http://a/2", "two")])
    add_page(gathered.sink, ("http://p/2", "", "https://l/"), 20, [("http://a/3", "é")])
    assert list(gathered.take(is_full=False)) == [], "not enough for a table yet"
    (table,) = gathered.take(is_full=False, at_end=True)
    assert table.schema.equals(raw_schema(None))
    names = ("url", "caption", "text_source", "page_url", "source_row", "language", "license")
    assert [tuple(row[name] for name in names) for row in table.to_pylist()] == [
        ("http://a/1", "one", "title", "http://p/1", 10, "en", None),
        ("http://a/2", "two", "title", "http://p/1", 10, "en", None),
        ("http://a/3", "é", "title", "http://p/2", 20, None, "https://l/"),
    ]
    assert list(gathered.take(is_full=False, at_end=True)) == []


def test_a_sink_that_is_full_is_emptied_and_its_table_stays_as_it_was() -> None:
    gathered = Gathered()
    add_page(gathered.sink, ("http://p/1", "", ""), 0, [("http://a/1", "one")])
    (first,) = gathered.take(is_full=True)
    before = first.to_pylist()
    add_page(gathered.sink, ("http://p/2", "", ""), 9, [("http://b/2", "two")])
    assert first.to_pylist() == before
    (second,) = gathered.take(is_full=True)
    assert second["url"].to_pylist() == ["http://b/2"]


def test_a_page_that_fills_an_empty_sink_makes_it_larger() -> None:
    gathered = Gathered()
    room = len(gathered.sink.urls)
    gathered.sink.state[FULL], gathered.sink.state[DATA_URLS] = 1, 5
    assert list(gathered.take(is_full=True)) == []
    assert len(gathered.sink.urls) == 2 * room
    assert (gathered.sink.state[FULL], gathered.sink.state[DATA_URLS]) == (0, 5)


def test_images_without_a_pair_are_counted_tracking_pixels_too() -> None:
    gathered = Gathered()
    gathered.sink.state[COUNTS] = 4
    add_page(gathered.sink, ("http://p/", "", ""), 0, [("http://a/1x1.gif", "x"), ("http://a/b.jpg", "y")])
    (table,) = gathered.take(is_full=False, at_end=True)
    assert table["url"].to_pylist() == ["http://a/b.jpg"]
    assert list(gathered.dropped()) == [Dropped("image_without_text", 4), Dropped("tracking_pixel", 1)]
