"""Made words: two numbers in, a word of syllables out. Words of a class are as many as its stems times the endings."""

import random
from itertools import product

SHORT, MEDIUM, LONG, ACCENTED = range(4)

_CONSONANTS = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"
_ACCENTS = str.maketrans("aeiou", "áéíöü")
_TAILS = ("", "a", "o", "e")


def _stems(patterns: list[str], most: int, seed: int) -> list[str]:
    letters = {"c": _CONSONANTS, "v": _VOWELS}
    every = ["".join(each) for pattern in patterns for each in product(*(letters[kind] for kind in pattern))]
    return random.Random(seed).sample(every, most)


_CODAS = [*_CONSONANTS, "nd", "st", "rt", "ng", "sk", "lm", "nt", "rn", "ld", "x", "th", "sh"]
ENDINGS = sorted({f"{vowel}{coda}{tail}" for vowel in _VOWELS for coda in _CODAS for tail in _TAILS})

STEMS = {
    SHORT: _stems(["cvc", "vcc", "vcv"], 3_600, 1),
    MEDIUM: _stems(["cvcc"], 4_000, 2),
    LONG: _stems(["cvccv"], 4_000, 3),
    ACCENTED: [stem.translate(_ACCENTS) for stem in _stems(["cvccv"], 2_000, 4)],
}


def length_class(word: str) -> int:
    """Return the class of made words that stand for `word`."""
    if not word.isascii():
        return ACCENTED
    return SHORT if len(word) <= 5 else MEDIUM if len(word) <= 8 else LONG
