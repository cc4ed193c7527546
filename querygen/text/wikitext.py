"""Wikitext to plain text: templates, tables, references, files and markup gone, link text kept.

In: the wikitext of a page in UTF-8. Out: text in which every line is one run of prose: a line end stands for a
paragraph, list item or heading, and also where something that is shown was cut out (a template, a formula).
`querygen.text.markup` cuts the markup, `schemas.kernels.html_entities` resolves what is left of HTML.
"""

import numpy as np
import numpy.typing as npt

from querygen.text.markup.scan import scan
from querygen.text.utf8_check import PADDING, check_utf8
from querygen.wiki.dump import SiteInfo
from schemas.kernels.html_entities import plain_size, write_html


class TextExtractor:
    """Turns wikitext into text, for one wiki; keeps its work space between pages."""

    def __init__(self, site: SiteInfo) -> None:
        """`site` gives the names under which this wiki's links are files and categories."""
        names = {"file", "image", "category", "media"}
        for number in (-2, 6, 14):
            for name in site.namespaces.get(number, ()):
                names.update((name, name.lower(), name[:1].upper() + name[1:].lower()))
        # ASCII letters are compared in lower case, other letters as they are.
        encoded = sorted({name.replace("_", " ").encode().lower() for name in names if name})
        self._prefixes = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        self._offsets = np.cumsum([0] + [len(name) for name in encoded]).astype(np.int64)
        self._reserve(1 << 16)

    def _reserve(self, size: int) -> None:
        self._padded: npt.NDArray[np.uint8] = np.empty(size + 64, dtype=np.uint8)
        self._out = self._padded[PADDING:]
        self._unescaped: npt.NDArray[np.uint8] = np.empty(plain_size(size + 64), dtype=np.uint8)
        self._kinds = np.empty(size // 2 + 16, dtype=np.uint8)
        self._marks = np.empty(size // 2 + 16, dtype=np.int64)

    def extract_utf8(self, wikitext: bytes) -> tuple[npt.NDArray[np.uint8], bool]:
        """Return (text in UTF-8, whether a template, table, file, reference or comment was left open).

        The text is a view of this extractor's work space: the next call overwrites it. HTML entities are resolved.
        Raises UnicodeDecodeError when the text is not UTF-8. What is left open is cut off at the next heading.
        """
        if len(wikitext) + 64 > len(self._padded):
            self._reserve(2 * len(wikitext))
        source = np.frombuffer(wikitext, dtype=np.uint8)
        written, unclosed = scan(source, self._out, self._kinds, self._marks, self._prefixes, self._offsets)
        text = self._out[:written]
        valid, has_entities = check_utf8(self._padded, PADDING, PADDING + written)
        if not valid:
            text.tobytes().decode()  # raises, and says what stands where
        if has_entities:
            text = self._unescaped[: write_html(text, 0, written, self._unescaped, 0, False)]
        return text, bool(unclosed)

    def extract(self, wikitext: bytes) -> tuple[str, bool]:
        """Return what `extract_utf8` returns, the text as a string."""
        text, unclosed = self.extract_utf8(wikitext)
        return text.tobytes().decode(), unclosed
