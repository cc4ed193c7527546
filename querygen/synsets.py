"""The heads of WordNet's synsets: each synset's first lemma, as a query.

In: the root of a WordNet (see `querygen.wordnet_data`). Out: one `SynsetHead` per normal form, most used first.
"""

import warnings
from dataclasses import dataclass
from typing import Any

from querygen.dump import Rejection
from querygen.wordnet_data import open_file
from schemas.text import normal_form


@dataclass(frozen=True, kw_only=True)
class SynsetHead:
    """A query that heads one or more synsets."""

    text: str
    """Normal form."""
    surface: str
    """The lemma of the most used synset, spaces for underscores."""
    synsets: tuple[str, ...]
    """Names of the synsets with this head, most used first."""
    tag_count: int
    """How often the synsets' words are tagged with them in WordNet's own corpora (``cntlist.rev``), summed."""


def head_of(name: str) -> str:
    """Return the head of a synset's name: ``st._louis.n.01`` gives ``st. louis``.

    A lemma may hold dots and apostrophes, so only the last two fields are cut.
    """
    return name.rsplit(".", 2)[0].replace("_", " ")


def read_synsets(root: Any) -> tuple[list[tuple[str, str, int]], str]:
    """Return ((name, first lemma with spaces, tag count) of every synset, sorted by name; WordNet's version)."""
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    class _Reader(WordNetCorpusReader):
        def map_wn(self, version: str = "wordnet") -> None:
            """Skip the mapping between versions: it needs a second WordNet, and only for other languages."""
            return None

    allowed = isinstance(root, str) and root not in nltk.data.path
    if allowed:
        nltk.data.path.append(root)  # nltk reads only below its data paths
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader = _Reader(root, None)
        tags = _read_tag_counts(root)
        found = [
            (
                str(synset.name()),
                str(synset.lemma_names()[0]).replace("_", " "),
                sum(tags.get(lemma.key(), 0) for lemma in synset.lemmas()),
            )
            for synset in reader.all_eng_synsets()
        ]
        version = str(reader.get_version())
    finally:
        if allowed:
            nltk.data.path.remove(root)
    return sorted(found), version


def _read_tag_counts(root: Any) -> dict[str, int]:
    counts = {}
    with open_file(root, "cntlist.rev") as source:
        for line in source.read().decode("utf-8").splitlines():
            fields = line.split()
            if len(fields) == 3 and fields[2].isdigit():
                counts[fields[0]] = int(fields[2])
    return counts


def synset_heads(synsets: list[tuple[str, str, int]]) -> tuple[list[SynsetHead], list[Rejection]]:
    """Return the heads, most tagged first, then by text, and a rejection for each synset without a word.

    Synsets of one normal form are joined.
    """
    grouped: dict[str, list[tuple[int, str, str]]] = {}
    rejections: list[Rejection] = []
    for name, lemma, count in synsets:
        text = normal_form(lemma)
        if text:
            grouped.setdefault(text, []).append((-count, name, lemma))
        else:
            rejections.append(("synset_without_word", "wordnet", -1, name))
    heads = []
    for text, members in grouped.items():
        members.sort()
        heads.append(
            SynsetHead(
                text=text,
                surface=members[0][2],
                synsets=tuple(name for _, name, _ in members),
                tag_count=-sum(count for count, _, _ in members),
            )
        )
    return sorted(heads, key=lambda head: (-head.tag_count, head.text)), rejections
