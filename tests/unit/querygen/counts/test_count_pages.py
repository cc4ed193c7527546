"""Counting units of a dump: what counts, what is skipped, what is rejected, what is not done again."""

from pathlib import Path

import pytest

from querygen.counts.count_pages import DumpCounts, count_units, prepare
from querygen.counts.counting import plan
from querygen.counts.merge_runs import merge_runs
from querygen.text.segment import find_segmenter
from querygen.workers.pool import processes
from schemas.storage import Folder
from tests.support.folder_bytes import folder_bytes


def write(path: Path, *pages: tuple[str, int, str, str]) -> str:
    body = "".join(
        f"<page><title>{title}</title><ns>{namespace}</ns>"
        + (f'<redirect title="{redirect}" />' if redirect else "")
        + f"<revision><text>{text}</text></revision></page>\n"
        for title, namespace, redirect, text in pages
    )
    path.write_bytes(f"<mediawiki>{body}</mediawiki>".encode("latin-1"))
    return str(path)


def count(folder: Path, paths: list[str], num_processes: int = 1, language: str = "en") -> DumpCounts:
    units, _ = plan(paths, [Path(path).stat().st_size for path in paths])
    with processes(num_processes, 8, prepare) as pool:
        return count_units(Folder(str(folder)), units, find_segmenter(language), 1 << 10, pool, lambda num_bytes: None)


def counted_words(counts: DumpCounts) -> dict[str, int]:
    merged = merge_runs(counts.runs, word_floor=1, bigram_word_floor=1, bigram_floor=1)
    return {row["text"]: row["count"] for row in merged.words.to_pylist()}


def test_articles_count_and_the_rest_is_skipped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.xml",
        ("Dog", 0, "", "dog and dog"),
        ("Hound", 0, "Dog#Breeds", "redirect words"),
        ("Talk:Dog", 1, "", "talk words"),
    )
    counts = count(tmp_path / "runs", [path])
    assert counted_words(counts) == {"dog": 2, "and": 1}
    assert counts.redirects.to_pylist() == [{"from_title": "Hound", "to_title": "Dog"}]
    wanted = {"pages": 3, "articles": 1, "redirects": 1, "other_namespaces": 1}
    assert counts.statistics | wanted == counts.statistics
    assert counts.rejections == []


def test_pages_with_faults_are_rejected_and_the_others_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.xml",
        ("Good", 0, "", "good"),
        ("Latin", 0, "", "caf\xe9 words"),  # not UTF-8
        ("Open", 0, "", "kept {{infobox"),
    )
    counts = count(tmp_path / "runs", [path])
    assert counted_words(counts) == {"good": 1, "kept": 1}
    assert [(row[0], row[1], row[3]) for row in counts.rejections] == [
        ("page_malformed", "d.xml", "Latin"), ("page_markup_unclosed", "d.xml", "Open")
    ]  # fmt: skip


@pytest.mark.parametrize("num_processes", [1, 2])
def test_files_are_summed(tmp_path: Path, num_processes: int) -> None:
    paths = [write(tmp_path / f"{i}.xml", ("Dog", 0, "", "dog " * (i + 1))) for i in range(3)]
    assert counted_words(count(tmp_path / "runs", paths, num_processes)) == {"dog": 6}


def test_a_full_counter_starts_another_run(tmp_path: Path) -> None:
    path = write(tmp_path / "d.xml", *[(f"P{i}", 0, "", "red fox " * 200) for i in range(9)])
    counts = count(tmp_path / "runs", [path])
    assert len(counts.runs) > 1
    assert counted_words(counts) == {"red": 1800, "fox": 1800}


def test_committed_units_are_not_counted_again(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.xml", ("Dog", 0, "", f"dog w{i}")) for i in range(3)]
    whole = count(tmp_path / "runs", paths)
    wanted = folder_bytes(tmp_path / "runs")
    for name in ("000001.json", "000001-00.bigrams.arrow"):
        (tmp_path / "runs" / name).unlink()
    untouched = (tmp_path / "runs" / "000002.json").stat().st_mtime_ns
    assert counted_words(count(tmp_path / "runs", paths)) == counted_words(whole)
    assert folder_bytes(tmp_path / "runs") == wanted
    assert (tmp_path / "runs" / "000002.json").stat().st_mtime_ns == untouched


def test_no_bigram_crosses_pages(tmp_path: Path) -> None:
    path = write(tmp_path / "d.xml", ("A", 0, "", "red"), ("B", 0, "", "fox"))
    counts = count(tmp_path / "runs", [path])
    merged = merge_runs(counts.runs, word_floor=1, bigram_word_floor=1, bigram_floor=1)
    assert len(merged.bigrams) == 0


def test_words_without_spaces_between_them(tmp_path: Path) -> None:
    path = tmp_path / "d.xml"
    path.write_text(
        "<mediawiki><page><title>東京</title><ns>0</ns><revision><text>東京都は首都である。</text></revision></page>"
        "</mediawiki>"
    )
    assert {"東京", "都", "首都"} <= counted_words(count(tmp_path / "runs", [str(path)], language="ja")).keys()
