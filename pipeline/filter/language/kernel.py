"""fastText's prediction as a kernel over Arrow buffers: texts and a model in, each text's best label and score out.

::

    text -> words (between white space), then the end word
    word -> its vector: known words have theirs ready; of others the rows of their 2- to 4-grams of <word> are added
    text's vector = mean of all rows;  walk the label tree, at each node p(right) = sigmoid(vector . node)

The result is fastText's own, up to the rounding of floats added in another order. The arithmetic is plain IEEE, without
the C library's exp, so that scores do not depend on the machine.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import inlined, kernel, spliced
from schemas.kernels.folding import HASH_PRIME, HASH_SEED, finish_hash

DIMENSIONS = 16
BUCKETS = 2_000_000
MIN_N, MAX_N = 2, 4

_FNV_SEED, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_LABEL = b"__label__"
_SMALL = 1e-5
"""fastText adds it to every probability before the logarithm; paths below it are given up."""
_MAX_DEPTH = 256
_UNKNOWN = -2
_POWERS_OF_2 = 2.0 ** np.arange(-64, 65)
_LOG2_E, _LN_2 = 1.4426950408889634, 0.6931471805599453


class ModelArrays(NamedTuple):
    """What the kernel reads of a model. A word's vector is the sum of the rows of the word and its n-grams."""

    word_slots: npt.NDArray[np.uint64]
    """Open addressing: hash of a known word, or 0."""
    word_numbers: npt.NDArray[np.int32]
    """Number of the word in each slot; -1: a label, which counts as nothing."""
    word_sums: npt.NDArray[np.float32]
    """Words x 16."""
    word_counts: npt.NDArray[np.int32]
    """Rows in each sum."""
    end_word: int
    """Number of the word at the end of every text."""
    kept_ngrams: npt.NDArray[np.uint64]
    """For each 64 n-gram hashes: a bit for each that is kept (most are not), and the row of the first of these. Half a
    MB that stays in the cache; a table of the rows themselves has 8 MB and costs a miss per n-gram."""
    rows: npt.NDArray[np.float32]
    """Kept n-grams x 16, in the order of their hashes."""
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    """Children of the inner nodes; a leaf is ~label."""
    output: npt.NDArray[np.float32]
    """Inner nodes x 16."""


class WorkSpace(NamedTuple):
    """Room for the longest word."""

    word: npt.NDArray[np.uint8]
    """A word between < and >."""
    found: npt.NDArray[np.int32]
    """Rows of its n-grams."""


def work_space(longest: int) -> WorkSpace:
    """Return room for texts of at most `longest` bytes."""
    return WorkSpace(word=np.empty(longest + 2, dtype=np.uint8), found=np.empty(MAX_N * (longest + 2), dtype=np.int32))


@spliced
def _exp(x):
    """Return e to the x, for x in -40 .. 40, within 1e-10: 2 to a whole power times a short Taylor series."""
    x = min(max(x, -40.0), 40.0)
    whole = math.floor(x * _LOG2_E + 0.5)
    r = x - whole * _LN_2
    r2 = r * r
    low = 1.0 + r + r2 * (1.0 / 2 + r * (1.0 / 6))
    high = 1.0 / 24 + r * (1.0 / 120) + r2 * (1.0 / 720 + r * (1.0 / 5040) + r2 * (1.0 / 40320))
    return (low + r2 * r2 * high) * _POWERS_OF_2[int(whole) + 64]


@spliced
def _is_space(byte):
    return byte == 32 or 9 <= byte <= 13 or byte == 0


@spliced
def _token_hash(data, begin, end):
    state = HASH_SEED
    for i in range(begin, end):
        state = (state ^ np.uint64(data[i])) * HASH_PRIME
    state = finish_hash(state)
    return state if state != 0 else np.uint64(1)


@kernel
def token_hashes(data, offsets):
    """Return the hash of each text, never 0."""
    hashes = np.empty(len(offsets) - 1, dtype=np.uint64)
    for row in range(len(hashes)):
        hashes[row] = _token_hash(data, offsets[row], offsets[row + 1])
    return hashes


@spliced
def _num_ones(x):
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@spliced
def _collect_ngrams(word, size, kept_ngrams, out):
    """Fill `out` with the rows of the kept n-grams of ``word[:size]`` (with < and >) and return their number."""
    count = 0
    for i in range(size):
        if word[i] & 0xC0 == 0x80:
            continue
        h = _FNV_SEED
        j = i
        n = 0
        while j < size and n < MAX_N:
            n += 1
            first = True
            while j < size and (first or word[j] & 0xC0 == 0x80):
                h = np.uint32((h ^ np.uint32(np.int8(word[j]))) * _FNV_PRIME)  # fastText extends the sign of a byte
                j += 1
                first = False
            if n >= MIN_N:
                bucket = h % np.uint32(BUCKETS)
                word_of = kept_ngrams[bucket >> np.uint32(6), 0]
                bit = np.uint64(1) << np.uint64(bucket & np.uint32(63))
                if word_of & bit:
                    out[count] = np.int64(kept_ngrams[bucket >> np.uint32(6), 1]) + _num_ones(
                        word_of & (bit - np.uint64(1))
                    )
                    count += 1
    return count


@kernel
def ngram_rows(word, kept_ngrams):
    """Return the rows of the kept n-grams of `word` (bytes, with < and >)."""
    out = np.empty(MAX_N * len(word) + 1, dtype=np.int32)
    return out[: _collect_ngrams(word, len(word), kept_ngrams, out)]


@kernel
def _best_label(vector, left, right, output, stack, odds):
    """Walk the tree, the likelier side first, and give up paths that cannot win; return (label, probability)."""
    best, best_odds = -1, 0.0
    stack[0], odds[0] = len(left) - 1, 1.0
    top = 1
    while top > 0:
        top -= 1
        node, chance = stack[top], odds[top]
        if chance < _SMALL or chance < best_odds:
            continue
        if node < 0:
            best, best_odds = ~node, chance
            continue
        a = b = c = d = np.float32(0.0)  # four sums: the processor adds them beside each other
        for k in range(0, DIMENSIONS, 4):
            a += vector[k] * output[node, k]
            b += vector[k + 1] * output[node, k + 1]
            c += vector[k + 2] * output[node, k + 2]
            d += vector[k + 3] * output[node, k + 3]
        p = 1.0 / (1.0 + _exp(-np.float64((a + b) + (c + d))))
        less, more = left[node], right[node]
        chance_less, chance_more = chance * (1.0 - p + _SMALL), chance * (p + _SMALL)
        if chance_less > chance_more:
            less, more = more, less
            chance_less, chance_more = chance_more, chance_less
        stack[top], odds[top] = less, chance_less
        stack[top + 1], odds[top + 1] = more, chance_more
        top += 2
    return best, best_odds


@inlined
def _add_row(vector, rows, number):
    for k in range(DIMENSIONS):
        vector[k] += rows[number, k]


@inlined
def _is_label(data, begin, end):
    if data[begin] != _LABEL[0] or end - begin < len(_LABEL):
        return False
    same = True
    for k in range(len(_LABEL)):
        same = same and data[begin + k] == _LABEL[k]
    return same


@inlined
def _number_of(data, begin, end, model):
    """Return the number of a word, -1 of a label that the model knows, or `_UNKNOWN`."""
    mask = np.uint64(len(model.word_slots) - 1)
    key = _token_hash(data, begin, end)
    slot = key & mask
    while model.word_slots[slot] != 0 and model.word_slots[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(model.word_numbers[slot]) if model.word_slots[slot] == key else _UNKNOWN


@inlined
def _add_unknown_word(data, begin, end, model, work, vector):
    """Add the n-grams of a word that the model does not know; return how many."""
    word = work.word
    word[0] = 60
    for k in range(begin, end):
        word[k - begin + 1] = data[k]
    word[end - begin + 1] = 62
    num_found = _collect_ngrams(word, end - begin + 2, model.kept_ngrams, work.found)
    for n in range(num_found):
        _add_row(vector, model.rows, work.found[n])
    return num_found


@inlined
def _add_words(data, i, end, model, work, vector):
    """Set `vector` to the sum of the end word and the words of ``data[i:end]``; return of how many rows.

    In place of its call: as a function of its own it makes all of this a quarter slower.
    """
    for k in range(DIMENSIONS):
        vector[k] = model.word_sums[model.end_word, k]
    count = np.int64(model.word_counts[model.end_word])
    while i < end:
        if _is_space(data[i]):
            i += 1
            continue
        begin = i
        while i < end and not _is_space(data[i]):
            i += 1
        number = _number_of(data, begin, i, model)
        if number == model.end_word:  # written out in the text: fastText stops there
            break
        if number >= 0:
            _add_row(vector, model.word_sums, number)
            count += model.word_counts[number]
        elif number == _UNKNOWN and not _is_label(data, begin, i):
            count += _add_unknown_word(data, begin, i, model, work, vector)
    return count


@kernel
def identify_rows(data, offsets, model, work, labels, scores):
    """Fill in the number of the label and the probability of each text; `work` is `work_space` for the longest."""
    stack = np.empty(2 * _MAX_DEPTH, dtype=np.int32)
    odds = np.empty(2 * _MAX_DEPTH, dtype=np.float64)
    vector = np.empty(DIMENSIONS, dtype=np.float32)
    for row in range(len(offsets) - 1):
        count = _add_words(data, offsets[row], offsets[row + 1], model, work, vector)
        factor = np.float32(1.0 / count)
        for k in range(DIMENSIONS):
            vector[k] *= factor
        label, chance = _best_label(vector, model.left, model.right, model.output, stack, odds)
        labels[row] = label
        scores[row] = min(chance, 1.0)
