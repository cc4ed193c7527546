"""Mojibake: pairs in, the same pairs with captions that were decoded by the wrong encoding mended out.

Mending is ftfy's ``fix_encoding``, which does nothing unless its own pattern (``ftfy.badness``) finds two characters
beside each other that hardly ever are. A compiled look for such neighbours finds the few captions worth asking ftfy
about: all that its pattern can find, and some more.
"""

import functools
import re

import ftfy
import ftfy.badness
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import values_of
from schemas.buffers import ids_from_words, one_chunk, string_buffers, words_from_ids
from schemas.identity import pair_ids
from schemas.kernels.compiled import kernel
from schemas.kernels.folding import decode_at
from schemas.text import stored_caption

_OTHER, _PLAIN, _ODD, _ALONE, _BEFORE_SPACE, _BEFORE_NO_LETTER = range(6)
"""Not in ftfy's pattern; a common Greek or Cyrillic letter, odd only beside an odd character; odd beside either; odd
by itself; odd also before a space; odd also before what is no ASCII letter."""

_PLAIN_CATEGORIES = ("lower_common", "upper_common")
_ODD_PLAIN = "\u0402"
"""The letter of the only sequences of common letters in the pattern (Cyrillic ve + dje)."""


@functools.lru_cache(maxsize=1)
def _classes() -> npt.NDArray[np.uint8]:
    categories = ftfy.badness.MOJIBAKE_CATEGORIES
    everything = "".join(chr(code) for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000)
    classes = np.zeros(0x10000, dtype=np.uint8)
    odd = "".join(members for name, members in categories.items() if name not in _PLAIN_CATEGORIES)
    for kind, members in (
        (_PLAIN, "".join(categories[name] for name in _PLAIN_CATEGORIES)),
        (_ODD, odd + _ODD_PLAIN),
        (_ALONE, categories["c1"]),
        (_BEFORE_SPACE, "\u00c2\u00c3"),
        (_BEFORE_NO_LETTER, "\u0152\u0153"),
    ):
        classes[[ord(found) for found in re.findall(f"[{members}]", everything)]] = kind
    return classes


@kernel
def _suspects(data, offsets, classes, found):
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        before = _OTHER
        suspect = False
        while i < end:
            if data[i] < 0x80:
                if before >= _BEFORE_SPACE:
                    if data[i] == 32:
                        suspect = True
                    elif before == _BEFORE_NO_LETTER and not 97 <= data[i] | 32 <= 122:
                        suspect = True
                before = _OTHER
                i += 1
                continue
            code, size = decode_at(data, i)
            kind = classes[code] if code < 0x10000 else _OTHER
            if kind == _ALONE or before == _BEFORE_NO_LETTER:
                suspect = True
            elif kind != _OTHER and before != _OTHER and (kind != _PLAIN or before != _PLAIN):
                suspect = True
            if suspect:
                break
            before = kind
            i += size
        found[row] = suspect


def suspects(captions: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """Tell which captions may be mojibake: those that ``ftfy.badness.is_bad`` finds bad, and some more."""
    data, offsets = string_buffers(captions)
    found = np.zeros(len(offsets) - 1, dtype=np.bool_)
    _suspects(data, offsets, _classes(), found)
    return found


def repair_captions(pairs: pa.Table) -> pa.Table:
    """Return `pairs` with mended captions, also as raw_caption, and the pair_ids of these."""
    captions = one_chunk(pairs["caption"])
    rows = np.flatnonzero(suspects(captions))
    texts = values_of(captions.take(pa.array(rows)))
    mended = [stored_caption(ftfy.fix_encoding(text)) or text for text in texts]
    changed = np.array([old != new for old, new in zip(texts, mended, strict=True)], dtype=np.bool_)
    if not changed.any():
        return pairs
    rows = rows[changed]
    new = pa.array([text for text, differs in zip(mended, changed, strict=True) if differs], pa.string())
    mask = np.zeros(len(pairs), dtype=np.bool_)
    mask[rows] = True
    for name in ("caption", "raw_caption"):
        column = one_chunk(pairs[name])
        merged = pc.replace_with_mask(column, pa.array(mask), new.cast(column.type))
        pairs = pairs.set_column(pairs.schema.get_field_index(name), pairs.schema.field(name), merged)
    words = words_from_ids(pairs["pair_id"]).copy()
    words[rows] = words_from_ids(pair_ids(one_chunk(pairs["image_id"]).take(pa.array(rows)), new))
    return pairs.set_column(pairs.schema.get_field_index("pair_id"), "pair_id", ids_from_words(words))
