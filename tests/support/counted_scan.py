"""Run the kernels of the text extraction as plain Python on arrays that check and count every access.

Started by test_wikitext_fuzz.py with NUMBA_DISABLE_JIT=1, so that the very code that numba compiles is what runs.
Out, as JSON: accesses by repeated unit for two lengths, and the texts of random inputs.
"""

import json
import sys
from collections.abc import Iterable

import numpy as np

from querygen.text import wikitext
from querygen.text.markup.scan import scan
from querygen.text.markup.tags import DROPPED_TAGS
from querygen.wiki.dump import SiteInfo
from schemas.kernels import byte_copy, html_entities
from tests.support.markup_inputs import PAIRS, UNITS, random_wikitext

SHORT, LONG = 1_000, 4_000


class Counted:
    """A byte or integer array in which an index outside, also a negative one, is an error."""

    accesses = 0

    def __init__(self, values: Iterable[int]) -> None:
        self.values = list(values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> int:
        Counted.accesses += 1
        assert 0 <= index < len(self.values), f"read at {index} of {len(self.values)}"
        return self.values[int(index)]

    def __setitem__(self, index: int, value: int) -> None:
        Counted.accesses += 1
        assert 0 <= index < len(self.values), f"write at {index} of {len(self.values)}"
        self.values[int(index)] = int(value)


def copy_each(data: Counted, begin: int, out: Counted, position: int, size: int) -> None:
    """Copy as the C library's memcpy does in a compiled kernel."""
    for i in range(size):
        out[position + i] = data[begin + i]


byte_copy._copy = copy_each  # an instruction of the compiler, which plain Python cannot run


def extract(text: bytes) -> bytes:
    """Do what `TextExtractor.extract_utf8` does, in work space of the sizes it reserves for `text` alone."""
    extractor = wikitext.TextExtractor(SiteInfo())
    extractor._reserve(len(text))
    out = Counted(bytes(len(extractor._out)))
    kinds, marks = Counted(bytes(len(extractor._kinds))), Counted([0] * len(extractor._marks))
    source = Counted(text)
    size, _ = scan(source, out, kinds, marks, extractor._prefixes, extractor._offsets)
    unescaped = Counted(bytes(len(extractor._unescaped)))
    written = html_entities.write_html(out, 0, size, unescaped, 0, False)
    return bytes(unescaped.values[:written])


def count(text: str) -> int:
    Counted.accesses = 0
    extract(text.encode())
    return Counted.accesses


def repeat(unit: str, size: int) -> str:
    return unit * (size // len(unit.encode()))


def main() -> None:
    # Arithmetic on numpy's own bytes would wrap around with a warning where the compiled code does not.
    np.seterr(all="raise")
    sizes = {unit: (count(repeat(unit, SHORT)), count(repeat(unit, LONG))) for unit in UNITS}
    for opening, closing in PAIRS:
        units = len(opening + closing)
        short, long = (opening * (size // units) + closing * (size // units) for size in (SHORT, LONG))
        sizes[f"{opening} and {closing}"] = (count(short), count(long))
    # Each of the tags that are dropped with their content looks for its end once, and there is none.
    opened = "".join(f"<{name}>" for name in DROPPED_TAGS)
    sizes["every tag, then </a"] = (count(opened + repeat("</a", SHORT)), count(opened + repeat("</a", LONG)))
    texts = [extract(random_wikitext(seed)).hex() for seed in range(int(sys.argv[1]))]
    json.dump({"accesses": sizes, "texts": texts}, sys.stdout)


if __name__ == "__main__":
    main()
