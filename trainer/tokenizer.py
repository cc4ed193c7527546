"""Lower-cased byte-level BPE, trained on the captions; captions in, packed token ids out.

The layout of the vocabulary is the released model's: 256 byte symbols, the same 256 at the end of a word
(``</w>``), the merges in order, [SOS], [EOS]. Training is deterministic. As the released tokenizer does, it undoes
character references (``AT&amp;T``) twice; ones trained before that do not, which their file says.
"""

import html
import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from trainer.data.packed_texts import PackedTexts
from trainer.presets import MIN_VOCAB_SIZE, NUM_SPECIALS

SOS, EOS = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
MAX_TRAINING_CAPTIONS = 1_000_000
"""The vocabulary of a bigger data set is trained on so many of its captions, evenly spread."""

MAX_CAPTION_CHARACTERS = 2_000
"""A longer caption is cut before tokenising; 77 positions never reach so far."""

_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
"""The released tokenizer's words: contractions, runs of letters, single digits, runs of anything else."""


def _byte_symbols() -> list[str]:
    """Return the 256 byte symbols in the released vocabulary's order (printable bytes first)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]


def _wrap(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def without_references(text: str) -> str:
    """Return `text` with its character references undone twice: tables of the web often hold ``&amp;amp;``."""
    return html.unescape(html.unescape(text)) if "&" in text else text


class CaptionTokenizer:
    """A trained tokenizer with the context length it cuts to."""

    def __init__(self, tokenizer: Tokenizer, context_length: int, undoes_references: bool = True) -> None:
        if context_length < 3:
            raise ValueError(f"context_length must be at least 3, found {context_length!r}")
        self._tokenizer = tokenizer
        self.context_length = context_length
        self.undoes_references = undoes_references
        sos, eos = tokenizer.token_to_id(SOS), tokenizer.token_to_id(EOS)
        if sos is None or eos is None:
            raise ValueError(f"a tokenizer needs the tokens {SOS} and {EOS}")
        self.sos: int = sos
        self.eos: int = eos

    @property
    def vocab_size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, captions: list[str]) -> PackedTexts:
        """Return the captions' tokens, each from [SOS] to [EOS]; a long caption is cut, [EOS] kept."""
        if self.undoes_references:
            captions = [without_references(caption) for caption in captions]
        cut = [caption[:MAX_CAPTION_CHARACTERS] for caption in captions]
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
        """Return the file ``tokenizer.json``: the Hugging Face tokenizer and the context length."""
        body: dict[str, Any] = {"context_length": self.context_length}
        if self.undoes_references:  # files without the key are of tokenizers that do not
            body["undoes_references"] = True
        body["tokenizer"] = json.loads(self._tokenizer.to_str())
        return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "CaptionTokenizer":
        """Read what `to_json` wrote. Raises ValueError when it is something else."""
        try:
            body = json.loads(data)
            tokenizer = Tokenizer.from_str(json.dumps(body["tokenizer"]))
            return cls(tokenizer, int(body["context_length"]), body.get("undoes_references", False) is True)
        except ValueError:
            raise
        except Exception as error:  # the compiled library raises bare Exception for a malformed model
            raise ValueError(f"expected a tokenizer.json of this project, {error!r}") from error


def train_tokenizer(captions: Iterable[str], *, vocab_size: int, context_length: int) -> CaptionTokenizer:
    """Return a tokenizer of at most `vocab_size` tokens ([SOS] and [EOS] included) for these captions.

    Small data reaches fewer: a merge needs two occurrences.
    """
    if vocab_size < MIN_VOCAB_SIZE:
        raise ValueError(f"vocab_size must be at least {MIN_VOCAB_SIZE} (bytes and specials), found {vocab_size!r}")
    symbols = _byte_symbols()
    alphabet = symbols + [symbol + END_OF_WORD for symbol in symbols]
    draft = _wrap(models.BPE(end_of_word_suffix=END_OF_WORD))
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
    return CaptionTokenizer(_wrap(model), context_length)
