"""The numbers of the report: curves of the sources, lengths and samples of the list.

In: a queries folder. Out: numpy arrays small enough to draw and rows small enough to print.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from querygen.explain.bigram_rank import BigramRule, takeable
from querygen.explain.counts_file import CountsFile
from schemas.identity import sample_rows
from schemas.query_source import SOURCES
from schemas.svg_chart import log_ranks

TAKEABLE = "could be taken"
MAX_WORDS, MAX_CHARACTERS = 6, 40
"""The last class of the lengths holds all longer ones."""


Points = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""(ranks from 1, values)"""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Values of a source by rank, thinned to ranks at equal steps of their logarithm."""

    source: str
    value: str
    """What the source is ordered by: count, PMI in bits, views, tag count."""
    of: str
    """What all values are: ``could be taken``, or ``stored`` where some of them could not."""
    num: int
    """How many they are."""
    points: Points
    num_listed: int
    """How many are in the list by this source."""
    listed: Points
    """These by their own rank: the head of the curve where the source is ordered by this value."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Lengths of the queries a source owns."""

    source: str
    queries: int
    words: npt.NDArray[np.int64]
    """words[i]: queries of i + 1 words; the last class holds all longer ones."""
    characters: npt.NDArray[np.int64]
    """The same of characters."""
    mean_words: float
    mean_characters: float
    max_words: int
    max_characters: int


def value_curve(
    source: str, value: str, file: CountsFile, column: str, of: str, listed: int | npt.NDArray[np.int64], least: int = 0
) -> Curve:
    """Return the curve of one column of `file`, its values from `least` up; they are `of` (see `Curve`).

    `listed` is how many of the highest are in the list, or the values of those in the list.
    """
    parts = [table[column].to_numpy() for table in file.tables([column])]
    values = np.concatenate([part[part >= least] for part in parts] or [np.zeros(0, dtype=np.int64)])
    return _curve(source, value, values.astype(np.float64), of, listed)


def pmi_curve(bigrams: CountsFile, rule: BigramRule, listed: int) -> Curve:
    """Return the curve of PMI; floats are exact enough to draw."""
    parts = [
        np.log2(n_ab.astype(np.float64) * rule.num_words / n_a / n_b)
        for _, _, n_ab, n_a, n_b in takeable(bigrams, rule)
    ]
    return _curve("bigram", "PMI in bits", np.concatenate(parts or [np.zeros(0)]), TAKEABLE, listed)


def listed_values(queries: pa.Table, source: str, column: str) -> npt.NDArray[np.int64]:
    """Return `column` of the queries that `source` owns."""
    values: npt.NDArray[np.int64] = (
        queries.filter(pc.equal(queries["source"].cast(pa.string()), source))[column].drop_null().to_numpy()
    )
    return values


def _curve(
    source: str, value: str, values: npt.NDArray[np.float64], of: str, listed: int | npt.NDArray[np.int64]
) -> Curve:
    ordered = np.sort(values)[::-1]
    own = ordered[:listed] if isinstance(listed, int) else np.sort(listed.astype(np.float64))[::-1]
    return Curve(
        source=source, value=value, of=of, num=len(ordered), points=_points(ordered), num_listed=len(own),
        listed=_points(own),
    )  # fmt: skip


def _points(ordered: npt.NDArray[np.float64]) -> Points:
    ranks = log_ranks(len(ordered))
    return ranks, ordered[ranks - 1]


def lengths(queries: pa.Table) -> list[Lengths]:
    """Return the lengths of the queries (normal form) by the source that owns them."""
    words = pc.add(pc.count_substring(queries["text"], " "), 1).to_numpy().astype(np.int64)
    characters = pc.utf8_length(queries["text"]).to_numpy().astype(np.int64)
    owners = queries["source"].cast(pa.string())
    found = []
    for source in SOURCES:
        mask = pc.equal(owners, source).to_numpy()
        if mask.any():
            found.append(
                Lengths(
                    source=source,
                    queries=int(mask.sum()),
                    words=np.bincount(np.minimum(words[mask], MAX_WORDS), minlength=MAX_WORDS + 1)[1:],
                    characters=np.bincount(np.minimum(characters[mask], MAX_CHARACTERS), minlength=MAX_CHARACTERS + 1)[
                        1:
                    ],
                    mean_words=float(words[mask].mean()),
                    mean_characters=float(characters[mask].mean()),
                    max_words=int(words[mask].max()),
                    max_characters=int(characters[mask].max()),
                )
            )
    return found


def samples(queries: pa.Table, num: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Return random queries by the source that owns them; the same list and seed give the same."""
    owners = queries["source"].cast(pa.string())
    found = {}
    for source in SOURCES:
        own = queries.filter(pc.equal(owners, source))
        if len(own):
            found[source] = own.take(pa.array(sample_rows(own["text"], num, seed))).to_pylist()
    return found
