"""The file as `tokenizers` and transformers open it: the ids of ours."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from schemas.storage import Folder
from tests.support.foreign_models import small_tokenizer
from tests.support.real_captions import real_captions
from tests.support.small_model import CONFIG
from trainer.saving.checkpoint import write_description
from trainer.tokenizer import CaptionTokenizer, given_tokenizer, train_tokenizer
from trainer.tokenizing.cleaning import Cleaning
from trainer.tokenizing.tokenizer_file import find_cleaning
from trainer.weights.vocabulary_files import tokenizer_of_json

ODD = ["", "word " * 100, "x" * 300, "<|endoftext|> a", "A&amp;B &eacute;", "日本語 ☃ 🙂"]


@pytest.fixture(scope="module")
def captions(shared_data: Path) -> list[str]:
    return real_captions(shared_data) + ODD


@pytest.fixture(scope="module")
def trained(captions: list[str]) -> CaptionTokenizer:
    return train_tokenizer(captions, vocab_size=1_500, context_length=32)


def released(trained: CaptionTokenizer) -> CaptionTokenizer:
    model = json.loads(trained.to_json())["model"]
    return given_tokenizer(model["vocab"], [tuple(merge) for merge in model["merges"]], context_length=32)


@pytest.mark.parametrize("cleaning", [Cleaning.REFERENCES, Cleaning.RELEASED], ids=lambda cleaning: cleaning.value)
def test_tokenizers_gives_our_ids(
    tmp_path: Path, captions: list[str], trained: CaptionTokenizer, cleaning: Cleaning
) -> None:
    ours = trained if cleaning is Cleaning.REFERENCES else released(trained)
    assert ours.cleaning is cleaning
    (tmp_path / "tokenizer.json").write_bytes(ours.to_json())
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert [one.ids for one in theirs.encode_batch(captions)] == [list(row) for row in ours.encode(captions).to_lists()]
    assert max(len(one.ids) for one in theirs.encode_batch(captions)) == 32


def test_it_decodes_to_words() -> None:
    theirs = Tokenizer.from_str(small_tokenizer(32).to_json().decode())
    assert theirs.decode(theirs.encode("Été, a red  star").ids[1:-1]) == "été , a red star"


def test_transformers_opens_the_folder_of_a_model(
    tmp_path: Path, captions: list[str], trained: CaptionTokenizer
) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    write_description(Folder(str(tmp_path)), "final", CONFIG, trained)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "final")
    texts = [text for text in captions if "<|" not in text]  # it takes the names of specials for the specials
    wanted = [list(row) for row in trained.encode(texts).to_lists()]
    assert theirs(texts, truncation=True)["input_ids"] == wanted
    assert theirs.decode(wanted[0], skip_special_tokens=True)
    theirs.save_pretrained(tmp_path / "again")
    again = tokenizer_of_json((tmp_path / "again" / "tokenizer.json").read_bytes(), "tokenizer.json", 32)
    assert (again.cleaning, again.sha256) == (trained.cleaning, trained.sha256)


def test_files_of_others_are_not_ours(trained: CaptionTokenizer) -> None:
    body = json.loads(trained.to_json())
    assert find_cleaning(body) is Cleaning.REFERENCES
    for part, other in (("normalizer", None), ("post_processor", None), ("pre_tokenizer", {"type": "Unheard"})):
        assert find_cleaning(body | {part: other}) is None
        with pytest.raises(ValueError, match="cleans or cuts texts otherwise"):
            CaptionTokenizer.from_json(json.dumps(body | {part: other}).encode())


def test_a_file_that_does_not_say_where_it_cuts(trained: CaptionTokenizer) -> None:
    data = json.dumps(json.loads(trained.to_json()) | {"truncation": None}).encode()
    assert CaptionTokenizer.from_json(data, 32).to_json() == trained.to_json()
    with pytest.raises(ValueError, match="expected a context length"):
        CaptionTokenizer.from_json(data)
