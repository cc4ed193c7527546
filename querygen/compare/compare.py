"""``querygen compare``: how far two query lists agree.

In: two lists (`querygen.compare.listed_texts`). Out: a dict of JSON values: sizes, Jaccard, overlap of the sources,
samples of what only one of them holds, rank correlations; the same for the same lists.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from querygen.compare.listed_texts import ListedTexts, read_texts
from querygen.config import CompareConfig
from schemas.arrow_types import list_array, values_of
from schemas.buffers import one_chunk
from schemas.identity import sample_rows
from schemas.query_source import SOURCES
from schemas.storage import Folder

ABSENT = "(absent)"
MEASURES = ("order", "count", "pmi", "views")
"""What lists are ranked by: place in the list (the first is the best), and the columns, higher is better."""


def compare(config: CompareConfig) -> dict[str, Any]:
    """Read both lists, compare them, write ``--output``, and return the result."""
    a, b = read_texts(config.a, config.exact), read_texts(config.b, config.exact)
    result = {"exact": config.exact, **compare_texts(a, b, config.samples, config.seed)}
    if config.output:
        parent, _, name = config.output.rpartition("/")
        Folder(parent or ("/" if config.output.startswith("/") else ".")).write_json(name, result)
    return result


def compare_texts(a: ListedTexts, b: ListedTexts, num_samples: int, seed: int) -> dict[str, Any]:
    """Return the comparison of two lists."""
    in_b = pc.index_in(a.table["text"], pc.unique(b.table["text"]))  # rows of b are distinct: place is row
    common_a = np.flatnonzero(in_b.is_valid().to_numpy())
    common_b = in_b.drop_null().to_numpy().astype(np.int64)
    both = len(common_a)
    union = len(a.table) + len(b.table) - both
    return {
        "a": _side(a, both),
        "b": _side(b, both),
        "both": both,
        "union": union,
        "jaccard": _share(both, union),
        "sources": _by_source(a, b, common_a, common_b),
        "overlap": _overlap(a, b, common_a, common_b),
        "rank_correlation": _rank_correlations(a, b, common_a, common_b),
        "only_in_a": _only(a, common_a, num_samples, seed),
        "only_in_b": _only(b, common_b, num_samples, seed),
    }


def _side(side: ListedTexts, both: int) -> dict[str, Any]:
    return {
        "kind": side.kind, "entries": side.entries, "broken": side.broken, "wordless": side.wordless,
        "duplicates": side.duplicates, "distinct": len(side.table), "only_here": len(side.table) - both,
        "share_in_both": _share(both, len(side.table)),
    }  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _brought(side: ListedTexts, source: str) -> npt.NDArray[np.bool_]:
    """Tell per row whether `source` brings it, as its owner or beside others."""
    lists = list_array(one_chunk(side.table["sources"]))
    brought = np.zeros(len(side.table), dtype=bool)
    brought[pc.list_parent_indices(lists).to_numpy()[pc.equal(lists.flatten(), source).to_numpy(False)]] = True
    return brought


def _by_source(
    a: ListedTexts, b: ListedTexts, common_a: npt.NDArray[np.int64], common_b: npt.NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    """Return per source what it brings to each list, and how much of that the whole other list holds.

    A Jaccard index only where both lists know sources.
    """
    found: dict[str, dict[str, Any]] = {}
    for source in SOURCES:
        row: dict[str, Any] = {}
        marks = {}
        for name, side, common in (("a", a, common_a), ("b", b, common_b)):
            if source in side.sources:
                marks[name] = _brought(side, source)
                num, in_other = int(marks[name].sum()), int(marks[name][common].sum())
                row |= {f"in_{name}": num, f"of_{name}_in_other": in_other, f"share_of_{name}": _share(in_other, num)}
        if len(marks) == 2:
            both = int((marks["a"][common_a] & marks["b"][common_b]).sum())
            row |= {"both": both, "jaccard": _share(both, row["in_a"] + row["in_b"] - both)}
        if row:
            found[source] = row
    return found


def _overlap(
    a: ListedTexts, b: ListedTexts, common_a: npt.NDArray[np.int64], common_b: npt.NDArray[np.int64]
) -> dict[str, dict[str, int]]:
    """Return the number of texts by the source that owns them in `a` (row) and in `b` (column)."""
    owner_a, owner_b = _owners(a), _owners(b)
    matrix = {row: dict.fromkeys((*b.sources, ABSENT), 0) for row in (*a.sources, ABSENT)}
    for i, row in enumerate(a.sources):
        for j, column in enumerate(b.sources):
            matrix[row][column] = int(((owner_a[common_a] == i) & (owner_b[common_b] == j)).sum())
        matrix[row][ABSENT] = int((owner_a == i).sum()) - sum(matrix[row].values())
    for j, column in enumerate(b.sources):
        matrix[ABSENT][column] = int((owner_b == j).sum()) - sum(matrix[row][column] for row in a.sources)
    return matrix


def _owners(side: ListedTexts) -> npt.NDArray[np.int64]:
    codes = pc.index_in(side.table["source"], pa.array(side.sources, pa.string()))
    owners: npt.NDArray[np.int64] = codes.to_numpy().astype(np.int64)
    return owners


def _rank_correlations(
    a: ListedTexts, b: ListedTexts, common_a: npt.NDArray[np.int64], common_b: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return Spearman's rho and Kendall's tau-b of the texts in both lists, by each measure both lists have.

    Null where fewer than two texts have it or all are equal. Counts also by source: a word is not a bigram.
    """
    found = []
    groups: list[tuple[str, str | None]] = [(measure, None) for measure in MEASURES]
    groups += [("count", source) for source in ("word", "bigram") if source in a.sources and source in b.sources]
    for measure, source in groups:
        left, right = _values(a, common_a, measure), _values(b, common_b, measure)
        usable = ~(np.isnan(left) | np.isnan(right))
        if source:
            usable &= _brought(a, source)[common_a] & _brought(b, source)[common_b]
        if measure == "order" or usable.any():
            correlation = rank_correlation(left[usable], right[usable])
            found.append({"by": measure, "source": source, "texts": int(usable.sum()), **correlation})
    return found


def _values(side: ListedTexts, rows: npt.NDArray[np.int64], measure: str) -> npt.NDArray[np.float64]:
    if measure == "order":
        return rows.astype(np.float64)
    values: npt.NDArray[np.float64] = side.table[measure].cast(pa.float64(), safe=False).to_numpy()[rows]
    return values


def rank_correlation(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Return Spearman's rho and Kendall's tau-b (both count ties), rounded to 6 digits."""
    if len(left) < 2 or (left == left[0]).all() or (right == right[0]).all():
        return {"spearman": None, "kendall": None}
    from scipy.stats import kendalltau, spearmanr  # half a second of imports that the other commands need not wait for

    return {
        "spearman": round(float(spearmanr(left, right).statistic), 6),
        "kendall": round(float(kendalltau(left, right).statistic), 6),
    }


def _only(side: ListedTexts, common: npt.NDArray[np.int64], num: int, seed: int) -> dict[str, list[str]]:
    """Return samples of the texts that are not `common`, by the source that owns them."""
    alone = np.ones(len(side.table), dtype=bool)
    alone[common] = False
    owners = _owners(side)
    found = {}
    for i, source in enumerate(side.sources):
        texts = side.table["text"].filter(pa.array(alone & (owners == i)))
        found[source] = values_of(texts.take(pa.array(sample_rows(texts, num, seed))))
    return found
