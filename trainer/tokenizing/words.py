"""The released tokenizer's words and byte symbols, and a `tokenizers.Tokenizer` of them around a byte-pair model."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

SOS, EOS = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"

_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
"""The released tokenizer's words: contractions, runs of letters, single digits, runs of anything else."""


def _byte_symbols() -> list[str]:
    """Return the 256 byte symbols in the released vocabulary's order (printable bytes first)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]


def byte_alphabet() -> list[str]:
    """Return the 512 tokens that each vocabulary begins with: the bytes, and the bytes at the end of a word."""
    symbols = _byte_symbols()
    return symbols + [symbol + END_OF_WORD for symbol in symbols]


def plain_text() -> list[normalizers.Normalizer]:
    """Return what makes one text of its spellings: NFC, single spaces, lower case."""
    return [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]


def split_words() -> pre_tokenizers.PreTokenizer:
    """Return what cuts a text into the released tokenizer's words, as bytes."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def wrap(model: models.Model, *, normalises: bool = True) -> Tokenizer:
    """Return a tokenizer of words around `model`; without `normalises` its texts must come clean."""
    tokenizer = Tokenizer(model)
    if normalises:
        tokenizer.normalizer = normalizers.Sequence(plain_text())
    tokenizer.pre_tokenizer = split_words()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
