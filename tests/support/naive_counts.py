"""Words and bigrams counted one running word at a time: what the compiled counters are compared with."""

from collections import Counter, defaultdict

from querygen.text.tokens import token_words
from schemas.ignorable import IGNORABLE
from schemas.text import words

Spellings = dict[str, Counter[str]]
"""Spellings with their counts, by normal form."""


def naive_counts(texts: list[str]) -> tuple[Spellings, Spellings]:
    """Return the spellings of every word and of every bigram of `texts`."""
    word_spellings: Spellings = defaultdict(Counter)
    bigram_spellings: Spellings = defaultdict(Counter)
    for text in texts:
        for line in text.split("\n"):
            before: str | None = None
            open_end = False  # a sentence may have ended
            for token in line.split():
                if not IGNORABLE.sub("", token):
                    continue
                found = token_words(token)
                if (before is not None and open_end and not found.starts_small) or not found.surfaces:
                    before = None
                for place, surface in enumerate(found.surfaces):
                    normal = " ".join(words(surface))
                    word_spellings[normal][surface] += 1
                    if before is not None and (place == 0 or found.joined[place - 1]):
                        bigram_spellings[f"{' '.join(words(before))} {normal}"][f"{before} {surface}"] += 1
                    before = surface
                open_end = found.ends_sentence
    return word_spellings, bigram_spellings


def naive_rows(spellings: Spellings, min_count: int = 1) -> list[tuple[str, str, int]]:
    """Return (text, most frequent spelling, count), the most frequent first."""
    made = []
    for text, counts in spellings.items():
        best = min(counts, key=lambda surface: (-counts[surface], surface))
        if sum(counts.values()) >= min_count:
            made.append((text, best, sum(counts.values())))
    return sorted(made, key=lambda row: (-row[2], row[0]))
