"""WordNet's files: found, checked, hashed, whatever way they come."""

import zipfile
from pathlib import Path

import pytest

from querygen.synsets import wordnet_data
from querygen.synsets.wordnet_data import (
    DATA_FILES,
    NEEDED_FILES,
    TAG_FILES,
    check_complete,
    digest,
    find_wordnet,
    is_complete,
    lexnames_file,
    missing_files,
    open_file,
    tag_file,
)


def write_files(folder: Path, tags: str = "cntlist.rev") -> Path:
    folder.mkdir(parents=True)
    for name in (*NEEDED_FILES, tags):
        (folder / name).write_text(name)
    return folder


def pack(folder: Path, archive: Path, prefix: str, folders: bool) -> Path:
    with zipfile.ZipFile(archive, "w") as packed:
        if folders:
            packed.write(folder, prefix)
        for path in sorted(folder.iterdir()):
            packed.write(path, f"{prefix}{path.name}")
    return archive


def test_lexnames_has_45_numbered_lines() -> None:
    lines = [line.split("\t") for line in lexnames_file().splitlines()]
    assert [int(line[0]) for line in lines] == list(range(45))
    assert lines[3] == ["03", "noun.Tops", "1"]
    assert lines[44] == ["44", "adj.ppl", "3"]


def test_incomplete_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data\.adj"):
        find_wordnet(str(tmp_path))


@pytest.mark.parametrize("tags", TAG_FILES)
def test_one_file_of_tag_counts_is_enough_and_hashed(tmp_path: Path, tags: str) -> None:
    folder = write_files(tmp_path / "wordnet", tags)
    check_complete(folder)
    assert tag_file(folder) == tags
    before = digest(folder)
    assert before["bytes"] == sum(map(len, (*DATA_FILES, tags)))
    (folder / tags).write_text("x" * len(tags))
    assert digest(folder)["sha256"] != before["sha256"]
    (folder / tags).unlink()
    assert missing_files(folder) == ["cntlist.rev or index.sense"]


def test_a_folder_is_only_read(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "wordnet")
    before = sorted(path.name for path in folder.iterdir())
    find_wordnet(str(folder))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_the_folder_dict_of_an_archive_is_found(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "package" / "dict")
    assert find_wordnet(str(tmp_path / "package")) == folder
    assert find_wordnet(str(folder)) == folder


@pytest.mark.parametrize("prefix", ["", "wordnet31/", "package/dict/"])
@pytest.mark.parametrize("folders", [True, False])
def test_a_zip_file_is_read_as_its_folder(tmp_path: Path, prefix: str, folders: bool) -> None:
    folder = write_files(tmp_path / "wordnet")
    root = find_wordnet(str(pack(folder, tmp_path / "some.zip", prefix, folders and bool(prefix))))
    assert digest(root) == digest(folder)
    with open_file(root, "data.noun") as source:
        assert source.read() == b"data.noun"


def test_a_bad_zip_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ValueError, match="expected a folder or a zip file"):
        find_wordnet(str(tmp_path / "no.zip"))
    folder = write_files(tmp_path / "wordnet")
    (folder / "data.verb").unlink()
    with pytest.raises(FileNotFoundError, match=r"some\.zip.*missing data\.verb"):
        find_wordnet(str(pack(folder, tmp_path / "some.zip", "wordnet/", True)))
    monkeypatch.setattr(wordnet_data, "MAX_ZIPPED_BYTES", 8)
    with pytest.raises(ValueError, match="longer than 8 bytes"):
        find_wordnet(str(tmp_path / "some.zip"))


def test_nltk_data_is_found_packed_and_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    folder = write_files(tmp_path / "corpora" / "wordnet")
    unpacked = digest(find_wordnet(None))
    pack(folder, tmp_path / "corpora" / "wordnet.zip", "wordnet/", True)
    for path in sorted(folder.iterdir()):
        path.unlink()
    folder.rmdir()
    assert isinstance(find_wordnet(None), zipfile.Path)
    assert digest(find_wordnet(None)) == unpacked


def test_what_another_process_made_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "wordnet"
    source = tmp_path / "source"

    def slow(work: Path) -> Path:
        for folder in (source, target):  # the other process is faster
            write_files(folder)
            (folder / "cntlist.rev").write_text(folder.name)
        return source

    monkeypatch.setattr(wordnet_data, "_from_nltk", slow)
    assert wordnet_data.prepare(target) == target
    assert (target / "cntlist.rev").read_text() == "wordnet"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "wordnet"]


def test_a_prepared_folder_is_complete_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_files(tmp_path / "source", "index.sense")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(wordnet_data, "_nltk_data", lambda: None)
    monkeypatch.setattr(wordnet_data, "_from_nltk", lambda work: source)
    assert find_wordnet(None) == wordnet_data.cache_dir()
    assert is_complete(wordnet_data.cache_dir())
    assert digest(find_wordnet(None)) == digest(source)


def test_no_way_to_wordnet_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet_data, "DEBIAN_FOLDER", tmp_path / "none")
    monkeypatch.setattr(wordnet_data, "_from_nltk", _unreachable)
    with pytest.raises(FileNotFoundError, match="--wordnet-dir"):
        wordnet_data.prepare(tmp_path / "wordnet")
    assert list(tmp_path.iterdir()) == []


def _unreachable(work: Path) -> Path:
    raise LookupError("nltk's server could not be reached")


_unreachable.__name__ = "_from_nltk"


def test_installed_debian_files_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet_data, "DEBIAN_FOLDER", write_files(tmp_path / "debian"))
    monkeypatch.setattr(wordnet_data, "_from_nltk", _unreachable)
    assert digest(wordnet_data.prepare(tmp_path / "wordnet")) == digest(tmp_path / "debian")


def test_a_given_wordnet_is_copied_and_never_taken_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet_data, "_from_nltk", _unreachable)
    given = write_files(tmp_path / "given")
    packed = pack(given, tmp_path / "given.zip", "wordnet/", True)
    target = wordnet_data.prepare(tmp_path / "target", str(packed))
    assert digest(target) == digest(given)
    assert wordnet_data.prepare(target, str(given)) == target
    (given / "data.noun").write_text("another")
    with pytest.raises(ValueError, match="holds another WordNet"):
        wordnet_data.prepare(target, str(given))
