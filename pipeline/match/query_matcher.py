"""Matching as `pipeline collect` asks for it: the queries folder's table and the options in, query ids of pairs out.

::

    rule metaclip2:  queries between spaces --> words       \
                     open queries           --> characters  /  lists of a text merged
    languages:       a caption of a known language is asked its queries, others all, none, or those of one language
"""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.match.config import MatchOptions
from pipeline.match.matcher import NO_SEEDS, Matcher
from pipeline.match.open_sides import open_sides
from schemas.arrow_types import values_of
from schemas.buffers import one_chunk
from schemas.candidate import QUERY_IDS
from schemas.kernels.compiled import kernel

Seeds = npt.NDArray[np.uint64]


def matched_columns(rule: str) -> tuple[str, ...]:
    """Return the columns of a queries table that matching by `rule` needs."""
    return "query_id", "text" if rule == "normalised" else "surface", "language"


class QueryMatcher:
    """Matches pairs against a queries table. Build once per process; not thread-safe."""

    def __init__(self, queries: pa.Table, options: MatchOptions) -> None:
        """`queries`: the columns `matched_columns` (schema `schemas.query.QUERIES`), perhaps others."""
        self._rule = options.match_rule
        self._unknown = options.unknown_language
        self._everywhere: list[Matcher] = []
        self._by_language: list[Matcher] = []
        self._languages: dict[str, int] = {}
        if options.query_languages == "caption":
            codes = one_chunk(queries["language"]).dictionary_encode()
            names = [language_code(name) for name in values_of(codes.dictionary)]
            self._languages = {name: language_seed(name) for name in names}
            seeds = np.array([self._languages[name] for name in names], dtype=np.uint64)
            if self._unknown not in ("all", "none") and language_code(self._unknown) not in self._languages:
                raise ValueError(
                    f"--unknown-language {self._unknown}: expected all, none, or a language of the queries: "
                    f"{', '.join(sorted(self._languages)[:20])}"
                )
            self._by_language = _matchers(queries, self._rule, seeds[codes.indices.to_numpy(zero_copy_only=False)])
        if options.query_languages == "all" or self._unknown == "all":
            self._everywhere = _matchers(queries, self._rule, NO_SEEDS)

    @property
    def nbytes(self) -> int:
        """Memory of the tables."""
        return sum(matcher.nbytes for matcher in self._everywhere + self._by_language)

    def match(self, pairs: pa.Table) -> pa.Array:
        """Return the matched query ids of each pair (columns caption, raw_caption, language): ascending, each once."""
        texts = one_chunk(pairs["caption"] if self._rule == "normalised" else pairs["raw_caption"])
        if not self._by_language:
            return _match(self._everywhere, texts, NO_SEEDS)
        seeds, known = self._seeds_of(pairs["language"])
        found = _match(self._by_language, texts.filter(pa.array(known)), seeds[known])
        if known.all():
            return found
        others = texts.filter(pa.array(~known))
        more = _match(self._everywhere, others, NO_SEEDS) if self._everywhere else _none(len(others))
        places = np.empty(len(texts), dtype=np.int64)
        places[np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])] = np.arange(len(texts))
        return pa.concat_arrays([found, more]).take(pa.array(places))

    def _seeds_of(self, languages: pa.ChunkedArray | pa.Array) -> tuple[Seeds, npt.NDArray[np.bool_]]:
        """Return the seed of each caption, and whether it is asked the queries of one language."""
        codes = one_chunk(languages).fill_null("").dictionary_encode()
        other = None if self._unknown in ("all", "none") else self._languages[language_code(self._unknown)]
        found = [self._seed_of(name, other) for name in values_of(codes.dictionary)]
        rows = codes.indices.to_numpy(zero_copy_only=False)
        seeds = np.array([seed or 0 for seed in found], dtype=np.uint64)
        return seeds[rows], np.array([seed is not None for seed in found], dtype=np.bool_)[rows]

    def _seed_of(self, name: str, other: int | None) -> int | None:
        code = language_code(name)
        return self._languages.get(code, self._languages.get(code.split("-")[0], other))


def language_code(name: str) -> str:
    """Return a language's name as it is compared: small, with hyphens (``zh_TW`` is ``zh-tw``)."""
    return name.strip().lower().replace("_", "-")


def language_seed(code: str) -> int:
    """Return the 64 bits that set the words of one language apart from those of others. Never 0."""
    return (
        int.from_bytes(hashlib.blake2b(code.encode(), digest_size=8, person=b"wit.language.1").digest(), "little") | 1
    )


def _matchers(queries: pa.Table, rule: str, seeds: Seeds) -> list[Matcher]:
    ids = queries["query_id"].to_numpy()
    if rule != "metaclip2":
        return [Matcher(queries["text"] if rule == "normalised" else queries["surface"], ids, rule, seeds)]
    surfaces = one_chunk(queries["surface"])
    sides = open_sides(surfaces)
    closed = ~sides.is_open
    seeds_of = [seeds[part] if len(seeds) else seeds for part in (closed, sides.is_open)]
    made = [Matcher(surfaces.filter(pa.array(closed)), ids[closed], "metaclip", seeds_of[0])]
    if sides.is_open.any():
        made.append(Matcher(sides.padded, ids[sides.is_open], "characters", seeds_of[1]))
    return made


def _match(matchers: list[Matcher], texts: pa.Array, seeds: Seeds) -> pa.ListArray:
    found = matchers[0].match(texts, seeds)
    for matcher in matchers[1:]:
        found = merge_lists(found, matcher.match(texts, seeds))
    return found


def _none(size: int) -> pa.ListArray:
    return pa.ListArray.from_arrays(
        pa.array(np.zeros(size + 1, dtype=np.int32), pa.int32()), pa.array([], pa.int32()), type=QUERY_IDS
    )


def merge_lists(first: pa.ListArray, second: pa.ListArray) -> pa.ListArray:
    """Return the union of two columns of ascending lists that share no number within a row."""
    if len(second.values) == 0:
        return first
    offsets = first.offsets.to_numpy() + second.offsets.to_numpy()
    values = np.empty(offsets[-1], dtype=np.int32)
    _merge(
        first.offsets.to_numpy(), first.values.to_numpy(), second.offsets.to_numpy(), second.values.to_numpy(), values
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.int32()), type=QUERY_IDS)


@kernel
def _merge(first_offsets, first, second_offsets, second, out):
    written = 0
    for row in range(len(first_offsets) - 1):
        i, j = first_offsets[row], second_offsets[row]
        while i < first_offsets[row + 1] or j < second_offsets[row + 1]:
            take_first = j == second_offsets[row + 1] or (i < first_offsets[row + 1] and first[i] < second[j])
            out[written] = first[i] if take_first else second[j]
            i += take_first
            j += not take_first
            written += 1
