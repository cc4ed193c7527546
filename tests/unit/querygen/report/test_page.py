"""The report: every number of the manifest is on the page, nothing of a stranger's text is markup, equal bytes."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from querygen.command import main
from querygen.report.page import report_page
from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.support.queries import Counts, make_queries_folder
from tests.support.small_lists import REPORTED


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, set[str]] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(folder: Folder) -> Page:
    return Page(report_page(folder, num_samples=10, seed=0))


def test_strangers_text_is_text(page: Page) -> None:
    assert {"script", "img", "a", "link", "iframe", "foreignobject"} & set(page.tags) == set()
    assert not any(name.startswith("on") for name in page.attributes)
    assert "<script>alert('x')</script>" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "{{ 7*7 }}" in page.text
    assert page.tags.count("td") > 50


def test_page_needs_no_other_file(page: Page) -> None:
    for name in ("src", "data", "action", "srcset"):
        assert name not in page.attributes
    links = page.attributes.get("href", set()) | page.attributes.get("xlink:href", set())
    assert all(link.startswith("#") for link in links)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.attributes["content"]


def test_the_selection_is_told(folder: Folder, page: Page) -> None:
    assert f"{read_manifest(folder, 'queries')['rows']} queries" in page.text
    for told in (
        "below min bigram count", "1,234", "broken input", "file truncated", "77", "dump.xml.bz2", "ab" * 32,
        "7 articles with 10,000 words", "note </td>", "New York City", "max_stop_word_share",
    ):  # fmt: skip
        assert told in page.text, told
    assert "of no entry" not in page.text


def test_same_bytes_again(folder: Folder, tmp_path: Path) -> None:
    first = report_page(folder, num_samples=2, seed=0)
    copy = make_queries_folder(tmp_path / "elsewhere", REPORTED, rows_per_group=2, **_told(folder))
    assert report_page(copy, num_samples=2, seed=0) == first


def _told(folder: Folder) -> dict[str, Any]:
    summary = read_manifest(folder, "queries")["summary"]
    return {name: summary[name] for name in ("notes", "dropped", "rejections")}


def test_command_writes_the_page(folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "report.html"
    main(["report", "--queries", folder.url, "--output", str(target)])
    assert capsys.readouterr().out == f"written to {target}\n"
    assert target.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(SystemExit) as ended:
        main(["report", "--queries", str(tmp_path), "--output", str(target)])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        main(["report", "--queries", folder.url, "--output", "x.html", "--samples", "-1"])
    assert "samples must be 0 or more" in capsys.readouterr().err


def test_a_list_of_words_only_and_a_folder_of_schema_1_0(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "q", Counts(words={"dog": 20}, budgets=(0, 0, 0)))
    folder.delete("counts/synsets.parquet")
    page = Page(report_page(folder, num_samples=5, seed=0))
    assert page.tags.count("svg") == 6
    assert "Nothing is recorded as dropped or broken." in page.text


def test_an_empty_list_has_a_page(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "q", Counts(words={"dog": 3}, budgets=(0, 0, 0)))
    assert "0 queries" in Page(report_page(folder, num_samples=5, seed=0)).text


def test_charts_show_the_thresholds(page: Page) -> None:
    assert page.tags.count("svg") == 7
    for told in ("4 in the list", "5 stored", "threshold 10", "threshold 5", "PMI in bits", "tag count", "6+", "40+"):
        assert told in page.text, told
    assert "count by rank of the words" in page.attributes["aria-label"]
