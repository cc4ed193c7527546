"""What ``querygen build`` leaves is what the contract says, byte for byte the same again, and explains itself."""

import bz2
import contextlib
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from querygen.command import DAMAGED_INPUT, main
from querygen.synsets.wordnet_data import NEEDED_FILES, cache_dir, find_wordnet, is_complete, lexnames_file
from schemas.manifest import read_files, read_manifest
from schemas.query import COUNTS, FLOOR_KEY, QUERIES, SYNSET_HEADS, WORD_COUNTS
from schemas.storage import Folder
from schemas.tables import read_table
from tests.support.waiting import PATIENCE_S

GOLDEN = Path(__file__).parents[1] / "golden"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "wikipedia"

ARTICLES = {
    "Dog": "The '''dog''' is a [[pet]]. Dogs like New York. The Red Fox and the red fox.\n{{Infobox|width=200px}}",
    "New York City": "New York City is big. The dog's life in New York is good.<ref>{{cite web|url=http://x}}</ref>",
    "Red: A Novel": "A novel. The red fox met the dog in New York.\n{| class=wikitable\n| align=left | cell\n|}",
}
SYNSETS = ["dog", "St._Louis", "red_fox", "cat", "New_York"]


def write_wordnet(folder: Path) -> Path:
    """Write a WordNet of nouns in the real layout (wndb(5WN)), one synset per lemma."""
    folder.mkdir()
    for name in NEEDED_FILES:
        (folder / name).write_text("")
    (folder / "lexnames").write_text(lexnames_file())
    (folder / "data.adj").write_text("  1 WordNet 3.0 Copyright 2006\n")
    data, index = "", ""
    for lemma in SYNSETS:
        index += f"{lemma.lower()} n 1 0 1 0 {len(data):08d}  \n"
        data += f"{len(data):08d} 03 n 01 {lemma} 0 000 | a gloss  \n"
    (folder / "data.noun").write_text(data)
    (folder / "index.noun").write_text("".join(sorted(index.splitlines(keepends=True))))
    (folder / "cntlist.rev").write_text("dog%1:03:00:: 1 42\ncat%1:03:00:: 1 18\n")
    return folder


def write_inputs(folder: Path, articles: dict[str, str] = ARTICLES, num_files: int = 1) -> list[str]:
    """Write dump, page views and WordNet; return the options that name them.

    In one process: a pool's processes take longer to start than this input to count.
    """
    pages = [
        f"<page><title>{title}</title><ns>0</ns><id>1</id><revision><text>{text.replace('<', '&lt;')}</text>"
        "</revision></page>"
        for title, text in articles.items()
    ]
    pages.append(
        '<page><title>NYC</title><ns>0</ns><redirect title="New York City" /><revision><text /></revision></page>'
    )
    for part in range(num_files):
        body = "<mediawiki>" + "\n".join(pages[part::num_files]) + "</mediawiki>"
        (folder / f"dump{part}.xml.bz2").write_bytes(bz2.compress(body.encode()))
    lines = "en Dog 5 0\nen.m NYC 9 0\nen Red:_A_Novel 3 0\nen Main_Page 99 0\nen bad\nen Cats 2 0\nen !!! 1 0\n"
    (folder / "pageviews-20240101-000000.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    write_wordnet(folder / "wordnet")
    return [
        "--dump", str(folder / "dump*.bz2"), "--pageviews", str(folder / "pageviews-*.gz"), "--wordnet-dir",
        str(folder / "wordnet"), "--min-word-count", "2", "--min-bigram-count", "2", "--count-floor", "1",
        "--num-processes", "1",
    ]  # fmt: skip


def run(arguments: list[str], output: Path, *more: str) -> Folder:
    main(["build", *arguments, "--output", str(output), *more])
    return Folder(str(output))


def test_folder_is_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run(write_inputs(tmp_path), tmp_path / "q", "--size", "30")
    table = read_table(folder, "queries.parquet", QUERIES)
    manifest = read_manifest(folder, "queries")
    rows = {row["text"]: row for row in table.to_pylist()}
    assert table["query_id"].to_pylist() == list(range(manifest["rows"]))
    assert len(rows) == len(table)

    assert rows["the"] | {"query_id": 0} == {
        "query_id": 0, "text": "the", "surface": "The", "language": "en", "source": "word", "sources": ["word"],
        "count": 6, "pmi": None, "views": None, "synsets": None,
    }  # fmt: skip
    assert rows["dog"]["sources"] == ["word", "title", "synset"]
    assert (rows["dog"]["count"], rows["dog"]["views"], rows["dog"]["synsets"]) == (3, 5, ["dog.n.01"])
    york = rows["new york"]
    assert (york["source"], york["surface"], york["count"]) == ("bigram", "New York", 4)
    assert york["synsets"] == ["new_york.n.01"]
    assert york["pmi"] > 0
    assert (rows["red fox"]["surface"], rows["red fox"]["count"]) == ("red fox", 3)
    assert (rows["new york city"]["source"], rows["new york city"]["views"]) == ("title", 9)
    assert rows["red a novel"]["surface"] == "Red: A Novel"
    assert (rows["st louis"]["source"], rows["st louis"]["surface"]) == ("synset", "St. Louis")
    for junk in ("px", "width", "cite", "url", "class", "align", "main page"):
        assert junk not in rows
    order = [row["source"] for row in table.to_pylist()]
    assert order == sorted(order, key=["word", "bigram", "title", "synset"].index)

    for name in COUNTS:
        counts = read_table(folder, f"counts/{name}.parquet", COUNTS[name])
        assert len(counts) > 0
        assert counts.schema.metadata[FLOOR_KEY] == b"1"
    heads = read_table(folder, "counts/synsets.parquet", SYNSET_HEADS).to_pylist()
    assert [(head["text"], head["tag_count"]) for head in heads] == [
        ("dog", 42), ("cat", 18), ("new york", 0), ("red fox", 0), ("st louis", 0)
    ]  # fmt: skip
    assert heads[-1] | {"tag_count": 0} == {
        "text": "st louis", "surface": "St. Louis", "synsets": ["st._louis.n.01"], "tag_count": 0
    }  # fmt: skip
    summary = manifest["summary"]
    assert summary["sources"] == {s: order.count(s) for s in ("word", "bigram", "title", "synset")}
    assert summary["thresholds"]["word"]["count"] == 2
    assert summary["overlap"]["word"]["synset"] == 1
    assert summary["dump"]["redirects"] == 1
    assert summary["notes"]
    rejected = read_table(folder, "rejections/querygen.parquet").to_pylist()
    assert [(row["reason"], row["value"]) for row in rejected] == [
        ("title_without_word", "!!!"), ("page_views_line_malformed", "en bad")
    ]  # fmt: skip
    assert {record.name for record in read_files(folder)} == {
        "queries.parquet", "counts/words.parquet", "counts/bigrams.parquet", "counts/titles.parquet",
        "counts/synsets.parquet", "rejections/querygen.parquet",
    }  # fmt: skip
    assert "threshold reached" in capsys.readouterr().out


def test_same_list_again_from_elsewhere_and_from_two_processes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first = run(write_inputs(tmp_path / "a", num_files=2), tmp_path / "a" / "q")
    second = run(write_inputs(tmp_path / "b", num_files=2), tmp_path / "b" / "q", "--num-processes", "2")
    names = ["manifest.json", "tables/files.parquet", *(record.name for record in read_files(first))]
    for name in names:
        assert first.read(name) == second.read(name), name


def test_finished_run_says_so_and_another_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write_inputs(tmp_path)
    run(arguments, tmp_path / "q")
    before = (tmp_path / "q" / "manifest.json").stat().st_mtime_ns
    capsys.readouterr()
    run(arguments, tmp_path / "q")
    assert "finished already" in capsys.readouterr().out
    assert (tmp_path / "q" / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(SystemExit) as ended:
        run(arguments, tmp_path / "q", "--size", "31")
    assert ended.value.code == 2
    assert "config.size" in capsys.readouterr().err


def test_unfinished_run_is_taken_up(tmp_path: Path) -> None:
    arguments = write_inputs(tmp_path)
    whole = run(arguments, tmp_path / "q").read("manifest.json")
    for name in ("manifest.json", "queries.parquet"):
        os.unlink(tmp_path / "q" / name)
    assert run(arguments, tmp_path / "q").read("manifest.json") == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--dump": "absent*.xml"}, "no file matches"),
        ({"--dump": "{empty}"}, "no article"),
        ({"--pageviews": "absent*.gz"}, "no file matches"),
        ({"--wordnet-dir": "absent"}, "expected a WordNet folder"),
        ({"--size": "0"}, "size must be at least 1"),
    ],
)
def test_expected_errors_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], message: str
) -> None:
    arguments = write_inputs(tmp_path)
    (tmp_path / "empty.xml").write_text("")
    for option, value in change.items():
        if option in arguments:
            place = arguments.index(option)
            del arguments[place : place + 2]
        arguments += [option, value.replace("{empty}", str(tmp_path / "empty.xml"))]
    with pytest.raises(SystemExit) as ended:
        run(arguments, tmp_path / "q")
    assert ended.value.code == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "Traceback" not in error


def test_module_runs_as_a_command(tmp_path: Path) -> None:
    arguments = write_inputs(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "querygen", "build", *arguments, "--output", str(tmp_path / "q")],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "q" / "manifest.json").exists()


def test_wordnet_command_finds_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "webimagetext").mkdir()
    write_wordnet(cache_dir())
    main(["wordnet"])
    assert str(cache_dir()) in capsys.readouterr().out
    main(["wordnet", "--output", str(cache_dir())])
    assert str(cache_dir()) in capsys.readouterr().out


def test_schemas_are_the_golden_ones(tmp_path: Path) -> None:
    folder = run(write_inputs(tmp_path), tmp_path / "q")
    found: dict[str, Any] = {}
    for record in read_files(folder):
        schema = pq.read_schema(tmp_path / "q" / record.name)
        found[record.name] = [f"{field.name}: {field.type}{'' if field.nullable else ' not null'}" for field in schema]
    manifest = read_manifest(folder, "queries")
    found["manifest"] = sorted(manifest)
    found["summary"] = sorted(manifest["summary"])
    assert found == json.loads((GOLDEN / "queries_folder.json").read_text())


def test_real_wordnet_has_all_synsets() -> None:
    from querygen.synsets.synsets import head_of, read_synsets, synset_heads

    if not is_complete(cache_dir()):
        pytest.skip("WordNet is not in the cache (`querygen wordnet` fetches it)")
    synsets, version = read_synsets(find_wordnet(None))
    assert (len(synsets), version) == (117_659, "3.0")
    for name, lemma, _ in synsets:
        assert head_of(name) == lemma.lower()
    heads, rejected = synset_heads(synsets)
    assert rejected == []
    by_text = {head.text: head for head in heads}
    assert by_text["lake st clair"].synsets == ("lake_st._clair.n.01",)
    assert len(by_text["dog"].synsets) > 1


@pytest.mark.parametrize(
    ("name", "min_articles", "reasons"),
    [
        ("testdata_en.v1.xml.bz2", 100, {"file_truncated"}),
        ("en_test.xml", 1, set()),
        ("enwiki-table-markup.xml.bz2", 1, set()),
        ("bgwiki-latest-pages-articles-shortened.xml.bz2", 1, set()),
        ("hywiki-truncated-100k.xml.xz", 100, {"file_truncated", "page_markup_unclosed"}),
        ("jawiki-truncated-100k.xml.xz", 100, {"file_truncated", "page_markup_unclosed"}),
        ("ltgwiki-full/smallwiki-latest-pages-articles.xml", 500, {"page_markup_unclosed"}),
    ],
)
def test_real_dumps_are_counted(name: str, min_articles: int, reasons: set[str], tmp_path: Path) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{SHARED / name} is absent: see the data folder's README")
    with pytest.raises(SystemExit) if "file_truncated" in reasons else contextlib.nullcontext() as left:
        main(["count", "--dump", str(SHARED / name), "--output", str(tmp_path / "c"), "--count-floor", "1",
              "--num-processes", "1"])  # fmt: skip
    assert left is None or left.value.code == DAMAGED_INPUT
    counts = Folder(str(tmp_path / "c"))
    summary = read_manifest(counts, "counts")["summary"]
    assert summary["statistics"]["articles"] >= min_articles
    assert set(summary["rejections"]) == reasons
    words = {row["text"]: row["count"] for row in read_table(counts, "words.parquet", WORD_COUNTS).to_pylist()}
    assert sum(words.values()) == summary["words"]
    total = sum(words.values())
    for junk in ("px", "align", "colspan", "rowspan", "bgcolor", "nbsp", "thumb", "jpg", "http", "wikitable", "ref"):
        assert words.get(junk, 0) <= total / 5000, junk
