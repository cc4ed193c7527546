"""The filters that the options ask for: checked pairs in; those kept, and the others by reason, out.

A filter is a pure function Table -> mask of the rows it keeps (or Table -> Table when it mends or fills what later ones
read), in a file of its own. They stand in the order of `FilterOptions`, and a pair is dropped for one reason: that of
the first that does not keep it. They run in three groups, the cheap ones, languages, words, each on what the one before
kept. What is dropped is counted and sampled under its reason. A filter that is off is not in a group.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.filter.adult_words import ADULT_WORDS
from pipeline.filter.blocked_domains import load_domains, on_no_domain_list
from pipeline.filter.blocked_urls import load_urls, on_no_url_list
from pipeline.filter.caption_length import characters_within, words_within
from pipeline.filter.config import FilterOptions
from pipeline.filter.file_names import is_no_file_name
from pipeline.filter.file_types import has_file_type
from pipeline.filter.language.language import has_language, identify_languages, is_sure, without_scores
from pipeline.filter.language.model import MODEL_FILE, MODEL_SHA256, load_language_model
from pipeline.filter.list_file import content_hashes
from pipeline.filter.mojibake import repair_captions
from pipeline.filter.word_lists import has_no_word, load_words, word_matcher

LISTS = ("url_block_lists", "domain_block_lists", "word_block_lists")
"""Options that name files: a run's identity holds the files' content (`filter_inputs`), not their paths."""

REASONS = (
    "url_blocked", "domain_blocked", "file_type", "caption_length", "caption_words", "file_name", "language_unsure",
    "language", "adult_word", "blocked_word",
)  # fmt: skip
"""Reasons of drops, in the order of the filters."""

Keep = Callable[[pa.Table], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Filtered:
    """What the filters made of one table."""

    pairs: pa.Table
    """The pairs kept, with the column language_score."""
    dropped: list[tuple[str, pa.Table]]
    """(reason, rows), in the order of the filters."""


class Filters:
    """The filters of `options`; built once per process, lists and models are loaded here.

    Raises ValueError or FileNotFoundError for a list that cannot be used; the message names file and line.
    """

    def __init__(self, options: FilterOptions) -> None:
        self._mends = options.repair_mojibake
        self._everywhere = options.identify_language == "all"
        self._model = load_language_model() if identifies(options) else None
        self._cheap, self._of_language, self._of_words = _cheap(options), _of_language(options), _of_words(options)

    def apply(self, pairs: pa.Table) -> Filtered:
        """Filter checked pairs (`pipeline.collect.raw_pairs.CheckedPairs.pairs`)."""
        if self._mends:
            pairs = repair_captions(pairs)
        pairs, dropped = _run(pairs, self._cheap)
        if self._model is not None:
            pairs = identify_languages(pairs, self._model, self._everywhere)
        else:
            pairs = without_scores(pairs)
        for chain in (self._of_language, self._of_words):
            pairs, dropped_here = _run(pairs, chain)
            dropped += dropped_here
        return Filtered(pairs, dropped)


def filter_inputs(options: FilterOptions) -> list[dict[str, Any]]:
    """Return what a run's identity holds of the filters' lists and models: options' names and content hashes.

    Loads them, so that what is wrong with them is said before a job starts.
    """
    Filters(options)
    found = [
        {"name": option, "sha256": digest}
        for option in LISTS
        for digest in content_hashes(getattr(options, option), option)
    ]
    if identifies(options):
        found.append({"name": MODEL_FILE, "sha256": MODEL_SHA256})
    return found


def identifies(options: FilterOptions) -> bool:
    """Tell whether languages are identified at all."""
    if options.identify_language == "when_filtered":
        return bool(options.language) or options.min_language_score > 0
    return options.identify_language != "never"


def _cheap(options: FilterOptions) -> list[tuple[str, Keep]]:
    """Return the filters of URL and caption that cost next to nothing: they spare the others work."""
    chain: list[tuple[str, Keep]] = []
    if options.url_block_lists:
        chain.append(("url_blocked", partial(on_no_url_list, blocked=load_urls(options.url_block_lists))))
    if options.domain_block_lists:
        chain.append(("domain_blocked", partial(on_no_domain_list, blocked=load_domains(options.domain_block_lists))))
    allowed, denied = options.allow_file_types, options.deny_file_types
    if allowed or denied:
        chain.append(("file_type", partial(has_file_type, allowed=allowed, denied=denied)))
    low, high = options.min_caption_characters, options.max_caption_characters
    if low or high:
        chain.append(("caption_length", partial(characters_within, low=low, high=high)))
    low, high = options.min_caption_words, options.max_caption_words
    if low or high:
        chain.append(("caption_words", partial(words_within, low=low, high=high)))
    if options.drop_file_names:
        chain.append(("file_name", is_no_file_name))
    return chain


def _of_language(options: FilterOptions) -> list[tuple[str, Keep]]:
    chain: list[tuple[str, Keep]] = []
    if options.min_language_score:
        chain.append(("language_unsure", partial(is_sure, min_score=options.min_language_score)))
    if options.language:
        chain.append(("language", partial(has_language, wanted=options.language)))
    return chain


def _of_words(options: FilterOptions) -> list[tuple[str, Keep]]:
    chain: list[tuple[str, Keep]] = []
    if options.drop_adult_words:
        chain.append(("adult_word", partial(has_no_word, matcher=word_matcher(set(ADULT_WORDS)))))
    if options.word_block_lists:
        chain.append(("blocked_word", partial(has_no_word, matcher=load_words(options.word_block_lists))))
    return chain


def _run(pairs: pa.Table, chain: list[tuple[str, Keep]]) -> tuple[pa.Table, list[tuple[str, pa.Table]]]:
    """Judge all `pairs` by all filters of `chain` and copy the kept ones once: copying costs more than judging."""
    verdict = np.full(len(pairs), len(chain), dtype=np.int8)
    for number in reversed(range(len(chain))):
        verdict[~chain[number][1](pairs)] = number
    numbers = np.unique(verdict)
    if numbers.tolist() in ([], [len(chain)]):
        return pairs, []
    dropped = [
        (chain[number][0], pairs.take(pa.array(np.flatnonzero(verdict == number))))
        for number in numbers
        if number < len(chain)
    ]
    return pairs.filter(pa.array(verdict == len(chain))), dropped
