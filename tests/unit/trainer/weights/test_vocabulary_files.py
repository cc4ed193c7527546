"""Vocabularies of others: the ids of `transformers`' tokenizer for captions that were cleaned as the release cleans."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.storage import Folder
from tests.support.foreign_models import small_tokenizer, write_vocabulary
from tests.support.real_captions import real_captions
from trainer.caption_text import as_released
from trainer.tokenizer import CaptionTokenizer, train_tokenizer
from trainer.tokenizing.cleaning import Cleaning
from trainer.weights.vocabulary_files import (
    NUM_MERGES,
    tokenizer_of_folder,
    tokenizer_of_json,
    tokenizer_of_list,
)

ODD = [
    "A  RED\tstar", "AT&amp;amp;T's store", "cafÃ© “quoted” — naïve", "isn't it? 42nd", "ΟΔΟΣ", "日本語 ☃ 🙂",
    "", "x" * 300, "word " * 100, "<|endoftext|>", "e&#769;t", "don’t",
]  # fmt: skip


BPE = {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {}, "merges": []}


def merge_list(tokenizer: CaptionTokenizer) -> bytes:
    """Return the vocabulary as OpenAI's file holds its own: a line first, then a merge a line."""
    merges = json.loads(tokenizer.to_json())["model"]["merges"]
    return (
        "\n".join(['"bpe_simple_vocab_16e6.txt#version: 0.2', *(" ".join(merge) for merge in merges)]) + "\n"
    ).encode()


@pytest.fixture(scope="module")
def captions(shared_data: Path) -> list[str]:
    return real_captions(shared_data) + ODD


@pytest.fixture(scope="module")
def trained(captions: list[str]) -> CaptionTokenizer:
    return train_tokenizer(captions, vocab_size=2_000, context_length=77)


def ids(tokenizer: CaptionTokenizer, texts: list[str]) -> list[list[int]]:
    found = tokenizer.encode(texts)
    return [row.tolist() for row in found.tokens_T.split(found.lengths.tolist())]


def test_the_ids_are_those_of_transformers(captions: list[str], trained: CaptionTokenizer) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    ours = tokenizer_of_list(merge_list(trained), "vocabulary", 77)
    model = json.loads(ours.to_json())["model"]
    theirs = transformers.CLIPTokenizer(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]])
    # it takes names of specials in a caption for the specials; to us they are text
    texts = [text for text in captions if "<|" not in text]
    assert len(texts) > 900
    wanted = theirs([as_released(text) for text in texts], truncation=True, max_length=77)["input_ids"]
    assert ids(ours, texts) == wanted


def test_every_form_gives_the_same_tokenizer(tmp_path: Path, captions: list[str], trained: CaptionTokenizer) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    plain = merge_list(trained)
    ours = tokenizer_of_list(plain, "vocabulary", 77)
    assert tokenizer_of_list(gzip.compress(plain), "vocabulary", 77).to_json() == ours.to_json()
    two = tmp_path / "two"
    two.mkdir()
    write_vocabulary(two, trained)
    found = tokenizer_of_folder(Folder(str(two)), 77)
    assert found is not None
    assert found.to_json() == ours.to_json()
    model = json.loads(ours.to_json())["model"]
    theirs = transformers.CLIPTokenizer(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]])
    theirs.save_pretrained(tmp_path / "one")
    one = tokenizer_of_folder(Folder(str(tmp_path / "one")), 77)
    assert one is not None
    assert ids(one, captions) == ids(ours, captions)


def test_a_given_tokenizer_comes_back_from_its_json(captions: list[str], trained: CaptionTokenizer) -> None:
    ours = tokenizer_of_list(merge_list(trained), "vocabulary", 77)
    again = CaptionTokenizer.from_json(ours.to_json())
    assert again.cleaning is Cleaning.RELEASED
    assert ids(again, captions) == ids(ours, captions)
    assert tokenizer_of_json(ours.to_json(), "tokenizer.json", 77).to_json() == ours.to_json()
    with pytest.raises(ValueError, match=r"tokenizer\.json: cuts to 77 tokens, the model takes 32"):
        tokenizer_of_json(ours.to_json(), "tokenizer.json", 32)


def test_of_openais_file_48894_merges_are_taken() -> None:
    assert NUM_MERGES == 48_894


def test_no_tokenizer_in_the_folder(tmp_path: Path) -> None:
    assert tokenizer_of_folder(Folder(str(tmp_path)), 77) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x1f\x8bno gzip", "vocab: expected a list of merges, gzipped or plain text"),
        (b"\xff\xfe", "vocab: expected a list of merges, gzipped or plain text"),
        (b"version\na b c\n", r'vocab: expected two tokens a merge, found \["a", "b", "c"\]'),
        (b"version\nqq ww\n", "vocab: the merge 'qq ww' is of tokens that the vocabulary lacks"),
        (b"version\na b\na b\n", "vocab: some merges give the same token"),
    ],
    ids=["no gzip", "no text", "three", "unknown", "twice"],
)
def test_other_lists_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tokenizer_of_list(data, "vocab", 77)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": {"type": "Unigram", "vocab": []}}, "expected CLIP's tokenizer .*, found 'Unigram'"),
        ({"a": 1}, "expected CLIP's tokenizer .*, found None"),
        (
            {"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": [], "merges": []}},
            "a number for each token",
        ),
        ({"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0}, "merges": []}}, "all 512 symbols"),
        ({"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 5}, "merges": []}}, "the ids 0 to 0"),
        (
            {"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {}, "merges": [3]}},
            "two tokens a merge, found 3",
        ),
    ],
    ids=["another kind", "no model", "no numbers", "no bytes", "a gap", "no pairs"],
)
def test_other_tokenizers_are_refused_by_file(body: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^tokenizer\.json: .*{message}"):
        tokenizer_of_json(json.dumps(body).encode(), "tokenizer.json", 77)


def test_our_own_trained_tokenizer_is_taken_as_it_is() -> None:
    ours = small_tokenizer(12)
    assert tokenizer_of_json(ours.to_json(), "tokenizer.json", 12).to_json() == ours.to_json()
