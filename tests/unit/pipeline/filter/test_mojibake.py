"""Mending against ftfy on every caption, and the compiled look against ftfy's own pattern."""

import ftfy
import ftfy.badness
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.mojibake import repair_captions, suspects
from schemas.text import stored_caption
from tests.support.filters import checked_pairs

ODD = "".join(part for part in "".join(ftfy.badness.MOJIBAKE_CATEGORIES.values()) if part != "-")
ENCODINGS = ("latin-1", "windows-1252", "windows-1251", "windows-1253", "windows-1257", "macroman", "windows-1250")


def broken(text: str, encoding: str) -> str:
    return text.encode("utf-8").decode(encoding, "replace")


PLAIN = st.sampled_from(
    ["Schön", "l\u2019été à Œuvre", "Привет, мир", "αβγ Ά", "「日本」", "5 € – “so”", "naïve café"]
) | st.text(max_size=8)
TEXTS = (
    st.text(st.sampled_from(ODD) | st.sampled_from("aZ ,.1\u0402вЂâ€™Ââ"), max_size=8)
    | st.builds(broken, PLAIN, st.sampled_from(ENCODINGS))
    | PLAIN
).map(stored_caption)


@settings(max_examples=150)
@given(st.lists(TEXTS.filter(bool), max_size=12))
def test_captions_are_mended_as_ftfy_does(captions: list[str]) -> None:
    pairs = checked_pairs(captions)
    mended = repair_captions(pairs)
    expected = [stored_caption(ftfy.fix_encoding(text)) or text for text in captions]
    assert mended["caption"].to_pylist() == mended["raw_caption"].to_pylist() == expected
    assert mended["pair_id"].to_pylist() == checked_pairs(expected)["pair_id"].to_pylist()
    assert mended.drop(["caption", "raw_caption", "pair_id"]).equals(pairs.drop(["caption", "raw_caption", "pair_id"]))


@settings(max_examples=150)
@given(st.lists(TEXTS, max_size=12))
def test_all_that_ftfy_finds_bad_is_suspect(captions: list[str]) -> None:
    for text, suspect in zip(captions, suspects(pa.array(captions, pa.string())), strict=True):
        assert suspect or not ftfy.badness.is_bad(text), text


def test_neighbours_of_every_kind_are_suspect() -> None:
    texts = [f"a {one}{two}b" for one in ODD for two in ODD]
    found = suspects(pa.array(texts))
    assert [text for text, suspect in zip(texts, found, strict=True) if not suspect and ftfy.badness.is_bad(text)] == []
    assert not suspects(pa.array(["Привет, мир", "Ελλάδα", "日本語", "naïve café", "“quoted” – text"])).any()
