"""Lower-cased byte-level BPE, trained on the captions or given; captions in, packed token ids out.

The layout of the vocabulary is the released model's: 256 byte symbols, the same 256 at the end of a word
(``</w>``), the merges in order, [SOS], [EOS]. Training is deterministic. As the released tokenizer does, it undoes
character references (``AT&amp;T``) twice; ones trained before that do not, which their file says. The released
vocabulary and others made for its tokenizer get captions cleaned as that one cleans them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, trainers

from trainer.caption_text import without_references
from trainer.data.packed_texts import PackedTexts
from trainer.presets import MIN_VOCAB_SIZE, NUM_SPECIALS
from trainer.tokenizing.cleaning import Cleaning
from trainer.tokenizing.tokenizer_file import file_of, read_file
from trainer.tokenizing.words import END_OF_WORD, EOS, SOS, byte_alphabet, wrap

MAX_TRAINING_CAPTIONS = 1_000_000
"""The vocabulary of a bigger data set is trained on so many of its captions, evenly spread."""

MAX_CAPTION_CHARACTERS = 2_000
"""A longer caption is cut before tokenising; 77 positions never reach so far."""


class CaptionTokenizer:
    """A tokenizer with the context length it cuts to."""

    def __init__(self, tokenizer: Tokenizer, context_length: int, cleaning: Cleaning = Cleaning.REFERENCES) -> None:
        if context_length < 3:
            raise ValueError(f"context_length must be at least 3, found {context_length!r}")
        self._tokenizer = tokenizer
        self.context_length = context_length
        self.cleaning = cleaning
        sos, eos = tokenizer.token_to_id(SOS), tokenizer.token_to_id(EOS)
        if sos is None or eos is None:
            raise ValueError(f"a tokenizer needs the tokens {SOS} and {EOS}")
        self.sos: int = sos
        self.eos: int = eos

    @property
    def vocab_size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def __call__(self, texts: str | list[str]) -> PackedTexts:
        """Return what `encode` does; one text may come without a list, as tokenizers of CLIP take it."""
        return self.encode([texts] if isinstance(texts, str) else list(texts))

    def encode(self, captions: list[str]) -> PackedTexts:
        """Return the captions' tokens, each from [SOS] to [EOS]; a long caption is cut, [EOS] kept."""
        cut = [self.cleaning.clean(caption)[:MAX_CAPTION_CHARACTERS] for caption in captions]
        rows = [e.ids[: self.context_length - 2] for e in self._tokenizer.encode_batch_fast(cut)]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)) + NUM_SPECIALS
        ends = np.cumsum(lengths)
        tokens = np.empty(int(lengths.sum()), dtype=np.int32)
        is_word = np.ones(len(tokens), dtype=bool)
        for places, special in ((ends - lengths, self.sos), (ends - 1, self.eos)):
            tokens[places] = special
            is_word[places] = False
        tokens[is_word] = np.fromiter(chain.from_iterable(rows), dtype=np.int32)
        return PackedTexts.from_flat(tokens, lengths)

    def to_json(self) -> bytes:
        """Return the file ``tokenizer.json``, which `tokenizers.Tokenizer.from_file` opens too."""
        return file_of(self._tokenizer, self.cleaning, self.context_length)

    @property
    def sha256(self) -> str:
        """SHA-256 that names the tokenizer in records and in the names of features.

        It is of the form that early versions wrote, so that what they wrote is known again.
        """
        body: dict[str, Any] = {"context_length": self.context_length}
        if self.cleaning is not Cleaning.PLAIN:
            body["undoes_references"] = True
        if self.cleaning is Cleaning.RELEASED:
            body["cleans_as_released"] = True
        body["tokenizer"] = json.loads(self._tokenizer.to_str())
        return hashlib.sha256((json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()).hexdigest()

    @classmethod
    def from_json(cls, data: bytes, context_length: int | None = None) -> "CaptionTokenizer":
        """Read what `to_json` wrote, or early versions. Raises ValueError when it is something else.

        `context_length` is for a file that does not say it, as transformers writes one.
        """
        try:
            body = json.loads(data)
            if "tokenizer" in body:
                return cls(Tokenizer.from_str(json.dumps(body["tokenizer"])), int(body["context_length"]), _early(body))
            tokenizer, cleaning, cut = read_file(body)
            if cut is None and context_length is None:
                raise ValueError("expected a context length (truncation), found none")
            return cls(tokenizer, int(cut or context_length or 0), cleaning)
        except ValueError:
            raise
        except Exception as error:  # the compiled library raises bare Exception for a malformed model
            raise ValueError(f"expected a tokenizer.json of this project, {error!r}") from error


def _early(body: dict[str, Any]) -> Cleaning:
    """Return the cleaning by the keys in a file of an early version."""
    if body.get("cleans_as_released", False) is True:
        return Cleaning.RELEASED
    return Cleaning.REFERENCES if body.get("undoes_references", False) is True else Cleaning.PLAIN


def train_tokenizer(captions: Iterable[str], *, vocab_size: int, context_length: int) -> CaptionTokenizer:
    """Return a tokenizer of at most `vocab_size` tokens ([SOS] and [EOS] included) for these captions.

    Small data reaches fewer: a merge needs two occurrences.
    """
    if vocab_size < MIN_VOCAB_SIZE:
        raise ValueError(f"vocab_size must be at least {MIN_VOCAB_SIZE} (bytes and specials), found {vocab_size!r}")
    alphabet = byte_alphabet()
    draft = wrap(models.BPE(end_of_word_suffix=END_OF_WORD))
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - NUM_SPECIALS,
        min_frequency=2,
        show_progress=False,
        special_tokens=alphabet,  # fixes the ids, and with them the order of equally frequent merges
        end_of_word_suffix=END_OF_WORD,
    )
    plain = (without_references(caption)[:MAX_CAPTION_CHARACTERS] for caption in captions)
    draft.train_from_iterator(plain, trainer)
    merges = [tuple(merge) for merge in json.loads(draft.to_str())["model"]["merges"]]
    tokens = [*dict.fromkeys([*alphabet, *(left + right for left, right in merges)]), SOS, EOS]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    model = models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=END_OF_WORD)
    return CaptionTokenizer(wrap(model), context_length)


def given_tokenizer(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], *, context_length: int
) -> CaptionTokenizer:
    """Return the tokenizer of a vocabulary that was made for the release's tokenizer, or is its own.

    Raises ValueError when the two do not fit each other.
    """
    numbers = sorted(vocabulary.values())
    if numbers != list(range(len(numbers))):
        raise ValueError(f"expected the ids 0 to {len(numbers) - 1}, each once")
    if lacking := [symbol for symbol in byte_alphabet() if symbol not in vocabulary]:
        raise ValueError(
            f"expected all 512 symbols of bytes, found none for {lacking[0]!r} and {len(lacking) - 1} more"
        )
    for merge in merges:
        if "".join(merge) not in vocabulary or not all(part in vocabulary for part in merge):
            raise ValueError(f"the merge {' '.join(merge)!r} is of tokens that the vocabulary lacks")
    model = models.BPE(vocab=dict(vocabulary), merges=list(merges), end_of_word_suffix=END_OF_WORD)
    return CaptionTokenizer(wrap(model, normalises=False), context_length, Cleaning.RELEASED)
