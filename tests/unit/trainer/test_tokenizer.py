"""The tokenizer: the released vocabulary's layout, [EOS] by position, deterministic."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.foreign_models import early_form
from trainer.presets import NUM_SYMBOLS
from trainer.tokenizer import EOS, SOS, CaptionTokenizer, train_tokenizer
from trainer.tokenizing.cleaning import Cleaning

CAPTIONS = ["a red star on grey", "Two blue circles", "a small red star", "it's a star, isn't it?", "été 42"] * 3


def make(vocab_size: int = 600, context_length: int = 16) -> CaptionTokenizer:
    return train_tokenizer(CAPTIONS, vocab_size=vocab_size, context_length=context_length)


def test_layout_is_bytes_then_word_ends_then_merges_then_specials() -> None:
    tokenizer = make()
    vocabulary = json.loads(tokenizer.to_json())["model"]["vocab"]
    names = sorted(vocabulary, key=vocabulary.__getitem__)
    assert names[0] == "!"
    assert names[256] == "!</w>"
    assert all(name.endswith("</w>") for name in names[256:NUM_SYMBOLS])
    assert names[-2:] == [SOS, EOS]
    assert tokenizer.vocab_size == len(names) <= 600


def test_rows_start_with_sos_and_end_with_eos_at_its_position() -> None:
    tokenizer = make()
    rows = tokenizer.encode(["a red star", "", "a " * 50]).to_lists()
    assert [row[0] for row in rows] == [tokenizer.sos] * 3
    assert [row[-1] for row in rows] == [tokenizer.eos] * 3
    assert all(tokenizer.sos not in row[1:] and tokenizer.eos not in row[:-1] for row in rows)
    assert len(rows[0]) > 3
    assert [len(row) for row in rows[1:]] == [2, 16]
    assert tokenizer.encode([]).num == 0


def test_case_and_space_do_not_matter() -> None:
    tokenizer = make()
    assert tokenizer.encode(["A  RED\n star"]).to_lists() == tokenizer.encode(["a red star"]).to_lists()


def test_character_references_are_undone_twice_in_captions_and_for_the_vocabulary() -> None:
    tokenizer = train_tokenizer(["AT&amp;T store", "AT&amp;amp;T", "AT&T store"] * 3, vocab_size=600, context_length=16)
    plain = train_tokenizer(["AT&T store", "AT&T", "AT&T store"] * 3, vocab_size=600, context_length=16)
    assert tokenizer.to_json() == plain.to_json()
    wanted = tokenizer.encode(["AT&T 'store'"]).to_lists()
    for text in ("AT&amp;T &#39;store&#39;", "AT&amp;amp;T &apos;store&apos;", "AT&#x26;T 'store'"):
        assert tokenizer.encode([text]).to_lists() == wanted


def test_a_tokenizer_of_before_that_gives_the_tokens_it_gave() -> None:
    made = make(context_length=40)
    old = CaptionTokenizer.from_json(early_form(made))
    assert old.encode(["AT&amp;T"]).to_lists() != old.encode(["AT&T"]).to_lists()
    assert old.encode(["a red star"]).to_lists() == made.encode(["a red star"]).to_lists()
    again = CaptionTokenizer.from_json(old.to_json())
    assert again.encode(["AT&amp;T"]).to_lists() == old.encode(["AT&amp;T"]).to_lists()


@pytest.mark.parametrize(
    ("keys", "cleaning"),
    [
        pytest.param({}, Cleaning.PLAIN, id="first"),
        pytest.param({"undoes_references": True}, Cleaning.REFERENCES, id="references"),
        pytest.param({"undoes_references": True, "cleans_as_released": True}, Cleaning.RELEASED, id="released"),
    ],
)
def test_early_files_are_read_and_keep_the_name_they_had(keys: dict[str, bool], cleaning: Cleaning) -> None:
    early = early_form(make(), **keys)
    if cleaning is Cleaning.RELEASED:  # these got no normalizer
        body = json.loads(early)
        body["tokenizer"]["normalizer"] = None
        early = (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()
    read = CaptionTokenizer.from_json(early)
    assert read.cleaning is cleaning
    assert read.sha256 == hashlib.sha256(early).hexdigest()
    again = CaptionTokenizer.from_json(read.to_json())
    assert (again.cleaning, again.context_length, again.sha256) == (cleaning, 16, read.sha256)


def test_the_names_of_the_specials_in_a_caption_are_text() -> None:
    tokenizer = make(context_length=40)
    assert tokenizer.eos not in tokenizer.encode([f"a {EOS} star"]).to_lists()[0][:-1]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_every_string_encodes_within_the_context(text: str) -> None:
    texts = TOKENIZER.encode([text])
    assert 2 <= texts.lengths[0] <= 16
    assert texts.tokens_T.max() < TOKENIZER.vocab_size


TOKENIZER = make()


def test_no_byte_is_lost_for_letters_never_seen() -> None:
    assert make(context_length=40).encode(["ﾊ☃"]).lengths[0] == 8  # [SOS], three bytes each of two characters, [EOS]


def test_json_round_trip() -> None:
    again = CaptionTokenizer.from_json(TOKENIZER.to_json())
    assert again.encode(CAPTIONS).to_lists() == TOKENIZER.encode(CAPTIONS).to_lists()
    assert again.to_json() == TOKENIZER.to_json()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{}", id="empty object"),
        pytest.param(b'{"context_length": 3, "tokenizer": {"model": 1}}', id="no tokenizer"),
    ],
)
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CaptionTokenizer.from_json(data)


def test_too_small_a_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 514.*found 300"):
        make(vocab_size=300)


def test_another_process_trains_the_same_tokenizer(tmp_path: Path) -> None:
    program = (
        "import sys; from trainer.tokenizer import train_tokenizer\n"
        f"data = train_tokenizer({CAPTIONS!r}, vocab_size=600, context_length=16).to_json()\n"
        "sys.stdout.buffer.write(data)"
    )
    root = Path(__file__).parents[3]
    outputs = {
        subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=True).stdout
        for _ in range(3)
    }
    assert outputs == {TOKENIZER.to_json()}
