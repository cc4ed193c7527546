"""A query list as large and as near to a real one as real text at hand allows.

Out: distinct surfaces, the spellings of words, bigrams, titles and WordNet lemmas in their order of use: words and
bigrams of the English Wikipedia samples, the titles most viewed, every lemma of WordNet; titles made of two or three
of those words, drawn by their counts, fill what is missing.
"""

import bz2
import json
import random
import re
from collections import Counter
from itertools import chain, pairwise

from querygen.synsets.synsets import read_synsets
from querygen.synsets.wordnet_data import find_wordnet
from tests.conftest import SHARED_DATA

_DUMPS = ("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2", "testdata_en.v1.xml.bz2")
_TOKEN = re.compile(r"[^\W_]+|[.!?\n|=<>{}\[\]]")
_MARKUP = re.compile(r"&[a-z]+;|\{\{[^{}]*\}\}|https?:\S+|\[\[[a-z]+:[^\]]*\]\]|</?[a-z][^>]*>", re.IGNORECASE)


def real_queries(size: int) -> list[str]:
    """Return `size` surfaces; the same ones on every machine that has the same data."""
    words, bigrams = _counted()
    lemmas = [spelling for _, spelling, _ in read_synsets(find_wordnet(None), all_lemmas=True)[0]]
    kept = [word for word, count in words.most_common() if count >= 2]
    pairs = [f"{first} {second}" for (first, second), count in bigrams.most_common() if count >= 2]
    found = dict.fromkeys(chain(kept, lemmas, _titles(), pairs[:100_000]))
    choose = random.Random(0)
    weights = [words[word] for word in kept]
    while len(found) < size:
        drawn = choose.choices(kept, weights, k=300_000)
        for start in range(0, len(drawn) - 3, 3):
            found[" ".join(drawn[start : start + choose.randint(2, 3)])] = None
    return list(found)[:size]


def _counted() -> tuple[Counter[str], Counter[tuple[str, str]]]:
    words: Counter[str] = Counter()
    bigrams: Counter[tuple[str, str]] = Counter()
    for name in _DUMPS:
        path = SHARED_DATA / "wikipedia" / name
        text = _MARKUP.sub(" | ", bz2.decompress(path.read_bytes()).decode("utf-8", "replace"))
        tokens = _TOKEN.findall(text)
        letters = [token[0].isalnum() for token in tokens]
        words.update(token for token, letter in zip(tokens, letters, strict=True) if letter)
        bigrams.update(pair for pair, both in zip(pairwise(tokens), pairwise(letters), strict=True) if all(both))
    return words, bigrams


def _titles() -> list[str]:
    paths = sorted((SHARED_DATA / "page_views" / "en.wikipedia").glob("*.json"))
    return [row["article"] for path in paths for row in json.loads(path.read_text())]
