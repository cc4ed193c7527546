"""Heads of synsets, and WordNet's files."""

import zipfile
from pathlib import Path

import pytest

from querygen import wordnet_data
from querygen.synsets import head_of, synset_heads
from querygen.wordnet_data import DATA_FILES, NEEDED_FILES, check_complete, find_wordnet, lexnames_file


@pytest.mark.parametrize(
    ("name", "head"),
    [("dog.n.01", "dog"), ("st._louis.n.01", "st. louis"), ("u.s..n.01", "u.s."), ("o'brien.n.01", "o'brien"),
     ("new_york.n.01", "new york"), (".22.n.01", ".22")],
)  # fmt: skip
def test_head_of_a_name(name: str, head: str) -> None:
    assert head_of(name) == head


def test_heads_are_joined_by_normal_form_and_ordered_by_use() -> None:
    synsets = [
        ("cat.n.01", "cat", 7),
        ("dog.n.01", "dog", 5),
        ("dog.n.02", "Dog", 9),
        ("!.n.01", "!", 1),
        ("ox.n.01", "ox", 7),
    ]
    heads, rejected = synset_heads(synsets)
    assert [(head.text, head.surface, head.synsets, head.tag_count) for head in heads] == [
        ("dog", "Dog", ("dog.n.02", "dog.n.01"), 14), ("cat", "cat", ("cat.n.01",), 7), ("ox", "ox", ("ox.n.01",), 7)
    ]  # fmt: skip
    assert rejected == [("synset_without_word", "wordnet", -1, "!.n.01")]


def test_lexnames_has_45_numbered_lines() -> None:
    lines = [line.split("\t") for line in lexnames_file().splitlines()]
    assert [int(line[0]) for line in lines] == list(range(45))
    assert lines[3] == ["03", "noun.Tops", "1"]
    assert lines[44] == ["44", "adj.ppl", "3"]


def test_incomplete_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data\.adj"):
        find_wordnet(str(tmp_path))


def test_lexnames_is_written_where_it_lacks(tmp_path: Path) -> None:
    for name in NEEDED_FILES:
        (tmp_path / name).write_text("x")
    check_complete(tmp_path)
    assert (tmp_path / "lexnames").read_text() == lexnames_file()
    digest = wordnet_data.digest(str(tmp_path))
    assert (digest["name"], digest["bytes"]) == ("wordnet", len(DATA_FILES))


def test_nltk_data_is_found_packed_and_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    folder = tmp_path / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    for name in (*NEEDED_FILES, "lexnames"):
        (folder / name).write_text(name)
    unpacked = wordnet_data.digest(find_wordnet(None))
    with zipfile.ZipFile(tmp_path / "corpora" / "wordnet.zip", "w") as archive:
        archive.write(folder, "wordnet/")
        for path in sorted(folder.iterdir()):
            archive.write(path, f"wordnet/{path.name}")
            path.unlink()
    folder.rmdir()
    assert wordnet_data.digest(find_wordnet(None)) == unpacked


def test_what_another_process_made_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "wordnet"
    source = tmp_path / "source"

    def slow(work: Path) -> Path:
        for folder in (source, target):  # the other process is faster
            folder.mkdir()
            for name in (*NEEDED_FILES, "lexnames"):
                (folder / name).write_text(folder.name)
        return source

    monkeypatch.setattr(wordnet_data, "_from_nltk", slow)
    assert wordnet_data.prepare(target) == target
    assert (target / "lexnames").read_text() == "wordnet"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "wordnet"]


def test_no_way_to_wordnet_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no apt-get
    monkeypatch.setattr(wordnet_data, "DEBIAN_FOLDER", tmp_path / "none")
    monkeypatch.setattr(wordnet_data, "_from_nltk", _unreachable)
    with pytest.raises(FileNotFoundError, match="--wordnet-dir"):
        wordnet_data.prepare(tmp_path / "wordnet")
    assert list(tmp_path.iterdir()) == []


def _unreachable(work: Path) -> Path:
    raise LookupError("nltk's server could not be reached")


_unreachable.__name__ = "_from_nltk"
