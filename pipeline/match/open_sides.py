"""MetaCLIP 2's rule for scripts without spaces: which queries ask for a space on which side.

In: queries as spelled. Out: those that ask for a space on both sides, as MetaCLIP 1 did for all; and the others with
the spaces they ask for. Source: facebookresearch/MetaCLIP, metaclip/curation/substr_matching.py,
``is_cjk_or_similar``: Han with its radicals, Thai, Lao, Burmese, Khmer, Tibetan, and punctuation. Kana are ours: the
published ranges lack them, so that a word in hiragana would be found between spaces only.
"""

import string
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import values_of
from schemas.buffers import one_chunk

PUBLISHED_RANGES = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2EBEF), (0xF900, 0xFAFF),  # Han
    (0x2E80, 0x2FDF), (0x2FF0, 0x2FFF),  # radicals, description characters
    (0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF),  # Thai and Lao, Tibetan, Burmese, Khmer
)  # fmt: skip
"""0x2A700 to 0x2EBEF are four blocks without a gap."""

KANA_RANGES = ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))

PUNCTUATION = frozenset(string.punctuation + "，。、；：？！“”‘’（）【】《》〈〉「」『』～—")


def asks_no_space(character: str) -> bool:
    """Tell whether a query that begins or ends with `character` asks for no space on that side."""
    code = ord(character)
    return character in PUNCTUATION or any(low <= code <= high for low, high in PUBLISHED_RANGES + KANA_RANGES)


@dataclass(frozen=True)
class OpenSides:
    """The queries of a list that ask for no space on some side."""

    is_open: npt.NDArray[np.bool_]
    """Of every query of the list."""
    padded: pa.Array
    """The open ones, with a space on the side where they ask for it."""


def open_sides(surfaces: pa.ChunkedArray | pa.Array) -> OpenSides:
    """Find the open queries. An empty query is none: it asks for its two spaces."""
    column = one_chunk(surfaces).cast(pa.string())
    first = _asks_no_space(pc.utf8_slice_codeunits(column, 0, 1))
    last = _asks_no_space(pc.utf8_slice_codeunits(column, -1))
    is_open = first | last
    before, after = (pc.if_else(pa.array(side[is_open]), "", " ") for side in (first, last))
    padded = pc.binary_join_element_wise(before, column.filter(pa.array(is_open)), after, "")
    return OpenSides(is_open, padded)


def _asks_no_space(characters: pa.Array) -> npt.NDArray[np.bool_]:
    encoded = characters.dictionary_encode()
    answers = np.array([bool(one) and asks_no_space(one) for one in values_of(encoded.dictionary)], dtype=np.bool_)
    return answers[encoded.indices.to_numpy(zero_copy_only=False)]
