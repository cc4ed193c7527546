"""Page-view files as Wikimedia writes them, for the titles of the dump sample."""

import bz2
import gzip
import re
from pathlib import Path

from tests.demo.dump_sample import article_titles
from tests.demo.page_views import NUM_HOURS, page_view_files, write_page_views

TITLES = ["Anarchism", "Academy Awards", "Abraham Lincoln", "Alain Connes", "Albania/History"]

LINE = re.compile(r"[a-z.]+ [^ ]+ [1-9][0-9]* 0")


def test_lines_parse_and_are_sorted() -> None:
    for data in page_view_files(TITLES, 0).values():
        lines = gzip.decompress(data).decode().splitlines()
        assert lines == sorted(lines)
        assert all(LINE.fullmatch(line) for line in lines)


def test_every_title_is_viewed_on_desktop_and_mobile() -> None:
    text = "".join(gzip.decompress(data).decode() for data in page_view_files(TITLES, 0).values())
    for title in TITLES:
        name = re.escape(title.replace(" ", "_"))
        assert re.search(rf"^en {name} ", text, re.MULTILINE)
        assert re.search(rf"^en\.m {name} ", text, re.MULTILINE)


def test_the_seed_decides_the_bytes() -> None:
    assert page_view_files(TITLES, 0) == page_view_files(TITLES, 0)
    assert page_view_files(TITLES, 0) != page_view_files(TITLES, 1)


def test_names_are_hourly(tmp_path: Path) -> None:
    write_page_views(TITLES, 0, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == NUM_HOURS
    assert all(re.fullmatch(r"pageviews-\d{8}-\d{2}0000\.gz", name) for name in names)


def test_titles_come_from_the_articles_of_a_dump(tmp_path: Path) -> None:
    page = "<page><title>{}</title><ns>{}</ns><revision><text>x</text></revision></page>"
    pages = "".join(page.format(title, space) for title, space in (("A &amp; B", 0), ("Talk:A", 1), ("Café", 0)))
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(bz2.compress(f'<mediawiki xmlns="http://x/">{pages}</mediawiki>'.encode()))
    assert article_titles(dump) == ["A & B", "Café"]
