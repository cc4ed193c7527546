"""The heads of WordNet's synsets: each synset's first lemma, or each of its lemmas, as a query.

In: the root of a WordNet (see `querygen.synsets.wordnet_data`). Out: one `SynsetHead` per normal form, most used first.
"""

import io
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from querygen.synsets.wordnet_data import Root, lexnames_file, open_file, tag_file
from schemas.rejection import Rejection
from schemas.text import normal_form

SynsetLemma = tuple[str, str, int]
"""(name of a synset, one of its lemmas with spaces for underscores, tag count)"""


_BROKEN_FILES = (
    ValueError, LookupError, AssertionError, TypeError, AttributeError, RuntimeError, EOFError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What nltk's reader and zipfile raise over files that are not as they should be, besides nltk's own error."""


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
    """How often the synsets' words are tagged with them in WordNet's own corpora, summed; of all lemmas, how often this
    one is."""


def head_of(name: str) -> str:
    """Return the head of a synset's name: ``st._louis.n.01`` gives ``st. louis``.

    A lemma may hold dots and apostrophes, so only the last two fields are cut.
    """
    return name.rsplit(".", 2)[0].replace("_", " ")


def read_synsets(root: Root, all_lemmas: bool = False) -> tuple[list[SynsetLemma], str]:
    """Return (the first lemma of every synset, sorted by the synset's name; WordNet's version from its header).

    Its tag count is that of all lemmas of the synset. With `all_lemmas` every lemma is there, in the synset's order,
    with its own. Raises ValueError when the files are not WordNet's.
    """
    from nltk.corpus.reader.wordnet import WordNetError

    try:
        reader = _reader(root)
        tags = _read_tag_counts(root)
        found = []
        for synset in reader.all_eng_synsets():
            name = str(synset.name())
            counts, keys = [], set()
            for lemma in synset.lemmas():
                # "A, a" is one sense key: counted once
                counts.append((lemma.name().replace("_", " "), 0 if lemma.key() in keys else tags.get(lemma.key(), 0)))
                keys.add(lemma.key())
            if all_lemmas:
                found += [(name, spelling, count) for spelling, count in counts]
            else:
                found.append((name, counts[0][0], sum(count for _, count in counts)))
        version = str(reader.get_version() or "unknown")
    except (*_BROKEN_FILES, WordNetError) as error:
        raise ValueError(f"{root}: these are not WordNet's files: {type(error).__name__}: {error}") from error
    # stable: the lemmas of a synset stay in its order
    return sorted(found, key=lambda row: row[0]), version


def _reader(root: Root) -> Any:
    """Return nltk's reader over `root`, which also does without the files that only its other uses need."""
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    class Files(nltk.data.PathPointer):
        """Stands in for a path below nltk's data: all reading is done by `open_file`."""

        def join(self, fileid: str) -> "Files":
            return self

        def open(self, encoding: str | None = None) -> Any:
            raise NotImplementedError

        def file_size(self) -> int:
            raise NotImplementedError

    class Reader(WordNetCorpusReader):
        def open(self, file: str) -> Any:
            """Open a file of `root`; ``lexnames`` is the same in all versions, exceptions serve inflected words."""
            if file == "lexnames":
                data = lexnames_file().encode()
            elif file.endswith(".exc"):
                data = b""
            else:
                with open_file(root, file) as source:
                    data = source.read()
            return nltk.data.SeekableUnicodeStreamReader(io.BytesIO(data), "utf8")

        def map_wn(self, version: str = "wordnet") -> None:
            """Skip the mapping between versions: it needs a second WordNet, and only for other languages."""
            return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Reader(Files(), None)


def _read_tag_counts(root: Root) -> dict[str, int]:
    """Return the count of each sense key; ``cntlist.rev`` has it in the third field, ``index.sense`` in the fourth."""
    name = tag_file(root)
    place = {"cntlist.rev": 2, "index.sense": 3}[name]
    counts = {}
    with open_file(root, name) as source:
        for line in source:
            fields = line.decode("utf-8").split()
            if len(fields) == place + 1 and fields[place].isdecimal() and fields[place] != "0":
                counts[fields[0]] = int(fields[place])
    return counts


def synset_heads(synsets: list[SynsetLemma]) -> tuple[list[SynsetHead], list[Rejection]]:
    """Return the heads, most tagged first, then by text, and a rejection for each lemma without a word.

    Lemmas of one normal form are joined, also within a synset (``eightfold``, ``eight-fold``).
    """
    grouped: dict[str, list[tuple[int, str, str]]] = {}
    rejections: list[Rejection] = []
    for name, lemma, count in synsets:
        text = normal_form(lemma)
        if text:
            grouped.setdefault(text, []).append((-count, name, lemma))
        else:
            rejections.append(Rejection("synset_without_word", "wordnet", -1, name))
    heads = []
    for text, members in grouped.items():
        members.sort()
        heads.append(
            SynsetHead(
                text=text,
                surface=members[0][2],
                synsets=tuple(dict.fromkeys(name for _, name, _ in members)),
                tag_count=-sum(count for count, _, _ in members),
            )
        )
    return sorted(heads, key=lambda head: (-head.tag_count, head.text)), rejections


def wordnet_counts(synsets: list[SynsetLemma], heads: list[SynsetHead], version: str) -> dict[str, Any]:
    """Return the numbers of a WordNet for a run's summary."""
    return {
        "version": version,
        "synsets": len({name for name, _, _ in synsets}),
        "lemmas": len(synsets),
        "distinct_lemmas": len({lemma for _, lemma, _ in synsets}),
        "heads": len(heads),
    }
