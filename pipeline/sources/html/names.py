"""The tag and attribute names that the HTML scanner knows, as small numbers. Compiled look-up, any case.

In: the range of a name. Out: its code, 0 or -1 for one that is not known. Names are compared by a 64-bit hash: a made
collision would only make a page say something else, which it can say anyway. The two tables are constants of the
kernels, filled in plain Python: a `schemas.kernels.hash_set` would have a kernel compiled when this is imported.
"""

import numpy as np

from schemas.kernels.compiled import leaf

(IMG, SOURCE, META, BASE, HTML, A, AREA, LINK, PICTURE, FIGURE, FIGCAPTION, RAW_TEXT, PLAINTEXT, INLINE) = range(1, 15)
"""Tags; those before `PICTURE` have attributes that are read."""
_TAGS = {
    "img": IMG, "image": IMG, "source": SOURCE, "meta": META, "base": BASE, "html": HTML, "a": A, "area": AREA,
    "link": LINK, "picture": PICTURE, "figure": FIGURE, "figcaption": FIGCAPTION, "plaintext": PLAINTEXT,
    **dict.fromkeys(("script", "style", "xmp", "iframe", "noembed", "noframes", "title", "textarea"), RAW_TEXT),
    **dict.fromkeys(
        ("b", "i", "em", "strong", "span", "small", "sup", "sub", "u", "s", "mark", "code", "abbr", "cite", "q", "time",
         "font", "bdi", "bdo", "dfn", "kbd", "var", "wbr", "ins", "del"), INLINE
    ),
}  # fmt: skip
"""`INLINE`: tags that do not end a word."""

(SRC, SRCSET, DATA_SRC, DATA_SRCSET, ALT, TITLE, WIDTH, HEIGHT, CONTENT, NAME, PROPERTY, HTTP_EQUIV, HREF, REL, LANG,
 FIRST_CAPTION) = range(16)  # fmt: skip
_CAPTIONS = (
    "data-caption", "data-image-caption", "data-title", "data-image-title", "data-description",
    "data-image-description", "data-alt",
)  # fmt: skip
"""In the order of `pipeline.sources.pairs.pair_sink.TEXT_SOURCES`."""
NUM_ATTRIBUTES = FIRST_CAPTION + len(_CAPTIONS)
_ATTRIBUTES = {
    "src": SRC, "srcset": SRCSET, "alt": ALT, "title": TITLE, "width": WIDTH, "height": HEIGHT, "content": CONTENT,
    "name": NAME, "property": PROPERTY, "http-equiv": HTTP_EQUIV, "href": HREF, "rel": REL,
    "lang": LANG, "xml:lang": LANG,
    **dict.fromkeys(
        ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-lazyload", "data-original-src",
         "data-orig-file", "data-large-file", "data-full-src", "data-hi-res-src", "data-img-src", "data-image-src",
         "data-url", "data-echo", "data-actualsrc", "data-ll-src"), DATA_SRC
    ),
    **dict.fromkeys(("data-srcset", "data-lazy-srcset", "data-original-set", "data-ll-srcset"), DATA_SRCSET),
    **{name: FIRST_CAPTION + number for number, name in enumerate(_CAPTIONS)},
}  # fmt: skip

_OFFSET, _PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a


def _hash_of(name: str) -> int:
    value = _OFFSET
    for byte in name.encode():
        value = (value ^ byte) * _PRIME % 2**64
    return value


def _table(names: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return (hashes, codes) in open addressing: 256 slots by the top byte of the hash."""
    hashes, codes = np.zeros(256, dtype=np.uint64), np.zeros(256, dtype=np.int64)
    for name, code in names.items():
        slot = _hash_of(name) >> 56
        while hashes[slot]:
            slot = (slot + 1) % 256
        hashes[slot], codes[slot] = _hash_of(name), code
    return hashes, codes


_TAG_HASHES, _TAG_CODES = _table(_TAGS)
_ATTRIBUTE_HASHES, _ATTRIBUTE_CODES = _table(_ATTRIBUTES)


@leaf
def _hash(data, begin, end):
    value = np.uint64(_OFFSET)
    for i in range(begin, end):
        byte = data[i]
        if 65 <= byte <= 90:
            byte = np.uint8(byte | 32)
        value = (value ^ np.uint64(byte)) * np.uint64(_PRIME)
    return value


@leaf
def tag_code(data, begin, end):
    """Return the code of a tag name, 0 for one that is not known."""
    value = _hash(data, begin, end)
    slot = np.int64(value >> np.uint64(56))
    while _TAG_HASHES[slot] != 0:
        if _TAG_HASHES[slot] == value:
            return _TAG_CODES[slot]
        slot = (slot + 1) & 255
    return 0


@leaf
def attribute_code(data, begin, end):
    """Return the code of an attribute name, -1 for one that is not known."""
    value = _hash(data, begin, end)
    slot = np.int64(value >> np.uint64(56))
    while _ATTRIBUTE_HASHES[slot] != 0:
        if _ATTRIBUTE_HASHES[slot] == value:
            return _ATTRIBUTE_CODES[slot]
        slot = (slot + 1) & 255
    return -1
