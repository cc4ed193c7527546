"""Comparing lists: what is read from each kind of list, sets and ranks against a naive reckoning."""

import gzip
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.command import main
from querygen.compare.compare import ABSENT, compare, compare_texts, rank_correlation
from querygen.compare.listed_texts import read_texts
from querygen.config import CompareConfig
from schemas.text import normal_form
from tests.support.queries import Counts, make_queries_folder

COUNTS = Counts(
    words={"dog": 20, "cat": 15, "red": 12, "fox": 11},
    bigrams={("red", "fox"): 9},
    titles={"dog": 3, "new york": 2},
    heads={"cat": 4, "zoo": 1},
)


def write_json(path: Path, value: object) -> str:
    path.write_text(json.dumps(value))
    return str(path)


def test_json_list_is_normalised_and_its_faults_counted(tmp_path: Path) -> None:
    path = write_json(tmp_path / "metadata.json", ["Dog", "dog's", "a", "!!", 5, None, "\ud800", "DOG", "St. Louis"])
    found = read_texts(path, exact=False)
    assert found.table["text"].to_pylist() == ["dog", "a", "st louis"]
    assert (found.kind, found.entries, found.broken, found.wordless, found.duplicates) == ("JSON list", 9, 3, 1, 2)
    exact = read_texts(path, exact=True)
    assert exact.table["text"].to_pylist() == ["Dog", "dog's", "a", "!!", "DOG", "St. Louis"]
    assert (exact.wordless, exact.duplicates) == (0, 0)


def test_json_object_brings_counts(tmp_path: Path) -> None:
    path = write_json(tmp_path / "counts.json", {"Dog": 5, "cat": 0, "fox": 7.0})
    assert read_texts(path, False).table.select(["text", "count"]).to_pylist() == [
        {"text": "dog", "count": 5}, {"text": "cat", "count": 0}, {"text": "fox", "count": 7},
    ]  # fmt: skip


def test_text_list_of_any_line_end_and_packing(tmp_path: Path) -> None:
    data = "\ufeffDog\r\n\n  Red Fox \nred fox\n".encode() + b"\xff\xfe bad\n" + "größe".encode()
    (tmp_path / "list.txt").write_bytes(data)
    (tmp_path / "list.txt.gz").write_bytes(gzip.compress(data, mtime=0))
    for name in ("list.txt", "list.txt.gz"):
        found = read_texts(str(tmp_path / name), exact=False)
        assert found.table["text"].to_pylist() == ["dog", "red fox", "grösse"]
        assert (found.kind, found.entries, found.broken, found.duplicates) == ("text list", 5, 1, 1)


def test_folder_gives_text_or_surface(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "q", COUNTS)
    found = read_texts(folder.url, exact=False)
    assert found.table["text"].to_pylist() == ["dog", "cat", "red", "fox", "red fox", "new york", "zoo"]
    assert read_texts(folder.url, exact=True).table["text"].to_pylist()[-2:] == ["New York", "Zoo"]
    folder.write_json("manifest.json", folder.read_json("manifest.json") | {"unidata_version": "1.1"})
    assert read_texts(folder.url, exact=False).table.equals(found.table)


GZIPPED = gzip.compress(b"".join(b"dog %d\n" % number for number in range(999)), mtime=0)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param("absent.json", None, "no such file or folder", id="absent"),
        pytest.param("x.json", b"[1, ", "expected a JSON list of texts", id="cut"),
        pytest.param("x.json", b'{"set A": ["cat", "dog"]}', "an object whose 'set A' is list of 2", id="label sets"),
        pytest.param("x.txt.gz", GZIPPED[:-12], "cannot be unpacked", id="cut gzip"),
        pytest.param("x.txt.gz", GZIPPED[:20] + b"\xff" * 20, "cannot be unpacked", id="damaged gzip"),
        pytest.param("folder", "", "no queries folder", id="folder"),
    ],
)
def test_bad_lists_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes | str | None, message: str
) -> None:
    good = tmp_path / "good.txt"
    good.write_text("dog\n")
    if isinstance(data, bytes):
        (tmp_path / name).write_bytes(data)
    elif data is not None:
        (tmp_path / name).mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(good), str(tmp_path / name)])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


TEXTS = st.lists(st.sampled_from(["Dog", "dog", "cat", "CAT", "red fox", "a", "b", "c", "d", "e", "!"]), max_size=14)


@settings(max_examples=40, deadline=None)
@given(left=TEXTS, right=TEXTS)
def test_sets_are_those_of_python(tmp_path: Path, left: list[str], right: list[str]) -> None:
    a = read_texts(write_json(tmp_path / "a.json", left), exact=False)
    b = read_texts(write_json(tmp_path / "b.json", right), exact=False)
    found = compare_texts(a, b, num_samples=99, seed=1)
    set_a, set_b = ({normal_form(text) for text in texts} - {""} for texts in (left, right))
    assert (found["both"], found["union"]) == (len(set_a & set_b), len(set_a | set_b))
    assert found["jaccard"] == (round(len(set_a & set_b) / len(set_a | set_b), 6) if set_a | set_b else None)
    assert set(found["only_in_a"]["list"]) == set_a - set_b
    assert set(found["only_in_b"]["list"]) == set_b - set_a
    assert found["overlap"]["list"] == {"list": len(set_a & set_b), ABSENT: len(set_a - set_b)}
    assert found["overlap"][ABSENT] == {"list": len(set_b - set_a), ABSENT: 0}
    assert found["a"]["entries"] == found["a"]["distinct"] + found["a"]["duplicates"] + found["a"]["wordless"]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=20))
def test_kendall_counts_pairs(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    found = rank_correlation(left, right)
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in combinations(pairs, 2)]
    untied = [sum(sign[k] != 0 for sign in signs) for k in (0, 1)]
    if 0 in untied:
        assert found == {"spearman": None, "kendall": None}
    else:
        expected = sum(x * y for x, y in signs) / np.sqrt(untied[0] * untied[1])
        assert found["kendall"] == pytest.approx(expected, abs=2e-6)
        ranks = [np.array([(side < value).sum() + (side <= value).sum() for value in side]) for side in (left, right)]
        assert found["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=2e-6)


def test_two_folders_by_source(tmp_path: Path) -> None:
    a = make_queries_folder(tmp_path / "a", COUNTS)
    other = Counts(
        words={"dog": 30, "cat": 25, "red": 40, "owl": 10}, bigrams={("red", "dog"): 30},
        titles={"new york": 9, "red fox": 8}, heads={"zoo": 1},
    )  # fmt: skip
    b = make_queries_folder(tmp_path / "b", other)
    found = compare(CompareConfig(a=a.url, b=b.url))
    assert found["sources"]["word"] == {
        "in_a": 4, "of_a_in_other": 3, "share_of_a": 0.75, "in_b": 4, "of_b_in_other": 3, "share_of_b": 0.75,
        "both": 3, "jaccard": 0.6,
    }  # fmt: skip
    assert found["sources"]["bigram"] | {"share_of_a": 0, "share_of_b": 0} == {
        "in_a": 1, "of_a_in_other": 1, "in_b": 1, "of_b_in_other": 0, "both": 0, "jaccard": 0.0,
        "share_of_a": 0, "share_of_b": 0,
    }  # fmt: skip
    assert found["overlap"]["bigram"] == {"word": 0, "bigram": 0, "title": 1, "synset": 0, ABSENT: 0}
    assert found["overlap"][ABSENT] == {"word": 1, "bigram": 1, "title": 0, "synset": 0, ABSENT: 0}
    assert found["only_in_a"] == {"word": ["fox"], "bigram": [], "title": [], "synset": []}
    assert found["only_in_b"] == {"word": ["owl"], "bigram": ["red dog"], "title": [], "synset": []}
    by = {(row["by"], row["source"]): row for row in found["rank_correlation"]}
    # dog 20 cat 15 red 12 against dog 30 cat 25 red 40: one pair of three in one order
    assert by["count", "word"] == {"by": "count", "source": "word", "texts": 3, "spearman": -0.5, "kendall": -0.333333}
    assert by["order", None]["texts"] == 6
    assert by["views", None]["texts"] == 1
    assert by["views", None]["kendall"] is None


def test_only_one_side_knows_sources(tmp_path: Path) -> None:
    folder = make_queries_folder(tmp_path / "a", COUNTS)
    found = compare(CompareConfig(a=write_json(tmp_path / "m.json", ["Dog", "New York", "owl"]), b=folder.url))
    assert found["sources"]["title"] == {"in_b": 2, "of_b_in_other": 2, "share_of_b": 1.0}
    assert found["overlap"]["list"] == {"word": 1, "bigram": 0, "title": 1, "synset": 0, ABSENT: 1}


def test_samples_depend_on_seed_not_on_order(tmp_path: Path) -> None:
    texts = [f"word{i}" for i in range(200)]
    none = write_json(tmp_path / "none.json", [])
    sampled = {}
    for name, listed in (("forward", texts), ("backward", texts[::-1])):
        path = write_json(tmp_path / f"{name}.json", listed)
        for seed in (0, 1):
            found = compare(CompareConfig(a=path, b=none, samples=5, seed=seed))
            sampled[name, seed] = found["only_in_a"]["list"]
    assert sampled["forward", 0] == sampled["backward", 0]
    assert len(set(sampled["forward", 0])) == 5
    assert sampled["forward", 0] != sampled["forward", 1]


def test_command_writes_json_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_queries_folder(tmp_path / "q", COUNTS)
    (tmp_path / "l.txt").write_text("dog\n[red]Owl\x1b[0m[/red]\n")
    monkeypatch.chdir(tmp_path)
    main(["compare", folder.url, "l.txt", "--exact", "--output", "out.json"])
    out = capsys.readouterr().out
    assert "only in B, list: dog, [red]Owl\ufffd[0m[/red]" in out
    first = (tmp_path / "out.json").read_bytes()
    assert json.loads(first)["b"]["distinct"] == 2
    main(["compare", folder.url, str(tmp_path / "l.txt"), "--exact", "--output", str(tmp_path / "again.json")])
    assert (tmp_path / "again.json").read_bytes() == first
