"""A list of queries from anywhere: folders, JSON, text; its faults are counted."""

import gzip
import json
from pathlib import Path

import pytest

from querygen.command import main
from querygen.compare.listed_texts import read_texts
from tests.support.queries import make_queries_folder
from tests.support.small_lists import COMPARED


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
    folder = make_queries_folder(tmp_path / "q", COMPARED)
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
