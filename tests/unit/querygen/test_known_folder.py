"""Damaged JSON and Parquet of finished folders: one line that names the file, from every command that reads them."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from querygen.command import main
from querygen.counts.counts_folder import check_counts_folders
from querygen.known_folder import counted_unit, counts_summary, open_queries
from querygen.report.page import report_page
from querygen.text.segment import find_segmenter
from schemas.storage import Folder
from tests.support.queries import Counts, make_queries_folder
from tests.unit.querygen.counts.test_count_pages import write

COUNTS = Counts(
    words={"new": 100, "york": 40}, bigrams={("new", "york"): 30}, titles={"dog": 50}, heads={"dog": 42, "zoo": 1}
)


OTHERS: list[Any] = [None, "x", 7, -1.5, [], [None], {}, {"a": None}, True]


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value within `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths_of(inner, (*path, key))


def damaged(value: Any) -> Iterator[Any]:
    """Yield `value` with each of its keys missing, renamed, and of each other kind."""
    for path in paths_of(value):
        for change in ("missing", "renamed", *OTHERS):
            copied = copy.deepcopy(value)
            inside = copied
            for key in path[:-1]:
                inside = inside[key]
            if isinstance(change, str) and change in ("missing", "renamed"):
                old = inside.pop(path[-1])
                if change == "renamed" and isinstance(inside, dict):
                    inside[f"{path[-1]}s"] = old
            else:
                inside[path[-1]] = change
            yield copied


def refused_by_name(path: Path, read: Callable[[], Any]) -> tuple[int, int]:
    """Read with every damage of the JSON at `path`; return (how many are refused, how many are read)."""
    good = json.loads(path.read_bytes())
    refused = taken = 0
    for body in damaged(good):
        path.write_text(json.dumps(body))
        try:
            read()
        except ValueError as error:
            said = str(error)
            assert str(path.parent) in said  # some damages are none to this reader
            refused += said.isprintable()
        else:
            taken += 1
    path.write_text(json.dumps(good))
    read()
    return refused, taken


@pytest.mark.slow
def test_no_damage_of_a_manifest_reaches_the_report_as_a_key_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_queries_folder(tmp_path / "queries", COUNTS)
    monkeypatch.setattr("querygen.report.page.curve_chart", lambda *args, **kwargs: "<svg></svg>")  # drawing takes long
    monkeypatch.setattr("querygen.report.page.words_chart", lambda lengths: "<svg></svg>")
    monkeypatch.setattr("querygen.report.page.characters_chart", lambda lengths: "<svg></svg>")
    refused, taken = refused_by_name(tmp_path / "queries" / "manifest.json", lambda: report_page(folder, 2, 0))
    assert refused > 500
    assert taken > 50  # values that are shown as they are
    assert sum(refused_by_name(tmp_path / "queries" / "run.json", lambda: report_page(folder, 2, 0))) > 100


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A counts folder of one article."""
    folder = tmp_path_factory.mktemp("counted")
    path = write(folder / "d.xml", ("Dog", 0, "", "dog and dog"))
    main(["count", "--dump", path, "--output", f"{folder}/counts", "--count-floor", "1", "--num-processes", "1"])
    return folder / "counts"


def test_no_damage_of_a_counts_folder_is_a_key_error(counts: Path) -> None:
    folder = Folder(str(counts))
    refused, taken = refused_by_name(counts / "manifest.json", lambda: counts_summary(folder))
    assert (refused > 100, taken > 100) == (True, True)
    refused, _ = refused_by_name(counts / "runs" / "000000.json", lambda: counted_unit(folder.sub("runs"), 0))
    assert refused > 100


@pytest.mark.parametrize("num_units", [0, -1])
def test_a_number_of_units_that_does_not_fit_the_files_is_refused(counts: Path, num_units: int) -> None:
    manifest = json.loads((counts / "manifest.json").read_bytes())
    changed = manifest | {"summary": manifest["summary"] | {"num_units": num_units}}
    (counts / "manifest.json").write_text(json.dumps(changed))
    try:
        with pytest.raises(ValueError, match=r"000000.* its SHA-256 is not the one its run noted"):
            check_counts_folders([Folder(str(counts))], find_segmenter("en"))
    finally:
        (counts / "manifest.json").write_text(json.dumps(manifest))


def test_a_folder_of_queries_that_querygen_did_not_make_is_told(
    queries_folder: Callable[[list[str]], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = queries_folder(["cat", "dog"])
    for arguments in (["report", "--output", f"{path}.html"], ["explain", "cat"]):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--queries", path])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {path}/manifest.json: summary.min_word_count is missing; expected a folder")
        assert len(error.splitlines()) == 1


def test_open_queries_gives_manifest_and_run(tmp_path: Path) -> None:
    manifest, run = open_queries(make_queries_folder(tmp_path / "queries", COUNTS))
    assert (manifest["rows"], run["command"]) == (5, "querygen build")
