"""Counting dump files: what counts, what is skipped, what is rejected."""

from pathlib import Path

import pytest

from querygen.count_dump import count_file, count_files
from querygen.ngrams import fold_words


def write(path: Path, *pages: tuple[str, int, str, str]) -> str:
    body = "".join(
        f"<page><title>{title}</title><ns>{namespace}</ns>"
        + (f'<redirect title="{redirect}" />' if redirect else "")
        + f"<revision><text>{text}</text></revision></page>\n"
        for title, namespace, redirect, text in pages
    )
    path.write_bytes(f"<mediawiki>{body}</mediawiki>".encode("latin-1"))
    return str(path)


def counted_words(counts: object) -> dict[str, int]:
    rows = fold_words(counts.words).to_pylist()  # type: ignore[attr-defined]
    return {row["text"]: row["count"] for row in rows}


def test_articles_count_and_the_rest_is_skipped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.xml",
        ("Dog", 0, "", "dog and dog"),
        ("Hound", 0, "Dog#Breeds", "redirect words"),
        ("Talk:Dog", 1, "", "talk words"),
    )
    counts = count_file(path, "d.xml")
    assert counted_words(counts) == {"dog": 2, "and": 1}
    assert counts.redirects == {"Hound": "Dog"}
    wanted = {"pages": 3, "articles": 1, "redirects": 1, "other_namespaces": 1, "files": 1}
    assert counts.statistics | wanted == counts.statistics
    assert counts.rejections == []


def test_pages_with_faults_are_rejected_and_the_others_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.xml",
        ("Good", 0, "", "good"),
        ("Latin", 0, "", "caf\xe9 words"),  # not UTF-8
        ("Open", 0, "", "kept {{infobox"),
    )
    counts = count_file(path, "d.xml")
    assert counted_words(counts) == {"good": 1, "kept": 1}
    assert [(row[0], row[1], row[3]) for row in counts.rejections] == [
        ("page_malformed", "d.xml", "Latin"), ("page_markup_unclosed", "d.xml", "Open")
    ]  # fmt: skip


@pytest.mark.parametrize("num_processes", [1, 2])
def test_files_are_summed(tmp_path: Path, num_processes: int) -> None:
    paths = [write(tmp_path / f"{i}.xml", ("Dog", 0, "", "dog " * (i + 1))) for i in range(3)]
    told: list[int] = []
    counts = count_files(paths, ["0", "1", "2"], num_processes, told.append)
    assert counted_words(counts) == {"dog": 6}
    assert counts.statistics["files"] == 3
    assert sum(told) == sum(Path(path).stat().st_size for path in paths)


def test_no_bigram_crosses_pages(tmp_path: Path) -> None:
    path = write(tmp_path / "d.xml", ("A", 0, "", "red"), ("B", 0, "", "fox"))
    assert len(count_file(path, "d.xml").bigrams) == 0
