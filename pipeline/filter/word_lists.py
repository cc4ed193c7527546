"""Word lists: pairs in, which captions contain no word or phrase of a list out.

Lists are matched as queries are, by the rule ``normalised`` of `pipeline.match.matcher`: case, accents' spelling,
curly quotes and a final 's do not matter, and only whole words count ("ass" is not in "classic").
"""

import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.filter.list_file import content_hashes, read_list
from pipeline.match.matcher import Matcher
from schemas.arrow_types import values_of
from schemas.text import normal_form


def load_words(paths: tuple[str, ...]) -> Matcher:
    """Return the matcher of the entries of all lists; entries are brought into normal form."""
    return _load(paths, content_hashes(paths, "word_block_lists"))


@functools.lru_cache(maxsize=1)  # once per process, unless a list has changed
def _load(paths: tuple[str, ...], _: tuple[str, ...]) -> Matcher:
    found = set()
    for path in paths:
        listed = read_list(path, "word_block_lists")
        for row, text in enumerate(values_of(listed.entries)):
            form = normal_form(text)
            if not form:
                raise listed.fault(row, "a word or phrase of letters or digits")
            found.add(form)
    return word_matcher(found)


def word_matcher(entries: set[str]) -> Matcher:
    """Return the matcher of `entries`, in normal form."""
    return Matcher(pa.array(sorted(entries), pa.string()), np.arange(len(entries), dtype=np.int32), "normalised")


def has_no_word(pairs: pa.Table, matcher: Matcher) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its caption contains nothing that `matcher` looks for."""
    lengths = pc.list_value_length(matcher.match(pairs["caption"]))
    keep: npt.NDArray[np.bool_] = lengths.to_numpy(zero_copy_only=False) == 0
    return keep
