"""Exact counts of words and bigrams over pages of text, a bounded run of them at a time.

In: text in UTF-8, a page at a time. Out: a `Run`: the spellings seen with their counts, sorted by the hash of their
normal form, and the distinct bigrams as pairs of row numbers into them, sorted, with their counts. Nothing is pruned;
`querygen.counts.merge_runs` sums runs.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from querygen.text.characters import characters, text_hash
from querygen.text.spelling_table import (
    ARENA_USED,
    COUNTED,
    HASH,
    NUM_SURFACES,
    NUMBER_MASK,
    PLACE,
    WORD_HASH,
    Counts,
    move_rows,
)
from querygen.text.token_words import new_words
from querygen.text.tokens import token_words
from querygen.text.word_scan import (
    DONE,
    GROW,
    MAX_WORD_BYTES,
    NUM_KEYS,
    NUM_LONG,
    OPEN_END,
    PIECE_BYTES,
    PREVIOUS,
    TOKEN_END,
    push_word,
    scan,
)
from schemas.kernels.compiled import kernel
from schemas.text import words

DEFAULT_MAX_PAIRS = 1 << 24
"""Bigrams of a run before they are sorted: 128 MiB, twice while sorting."""
_MIN_SLOTS = 4 * PIECE_BYTES
_DIGIT_BITS = 11
_FEW = 16
_ROW_BITS = 31

_UInt64s = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Run:
    """Counts of some pages. Row numbers of `first` and `second` point into the spellings."""

    word_hash: npt.NDArray[np.uint64]
    """Hash of each spelling's normal form; the spellings are sorted by it, then by the hash of the spelling."""
    count: npt.NDArray[np.uint32]
    size: npt.NDArray[np.uint16]
    """Bytes of each spelling."""
    data: npt.NDArray[np.uint8]
    """The spellings in UTF-8, one behind the other."""
    first: npt.NDArray[np.uint32]
    second: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint32]
    """How often the bigram (first, second) stands in the pages; sorted by (first, second)."""


class NgramCounter:
    """Counts the pages it is given until `is_full`; `finish` gives the run and starts the next."""

    def __init__(self, max_pairs: int = DEFAULT_MAX_PAIRS) -> None:
        self.num_long_words = 0
        """Runs of letters over `MAX_WORD_BYTES`, left out."""
        self._max_pairs = max_pairs
        self._characters = characters()
        self._known: dict[bytes, tuple[list[tuple[bytes, np.uint64]], tuple[bool, ...], bool, bool]] = {}
        self._reserve_work(PIECE_BYTES)
        self._num_last = 0
        self._chunks: _UInt64s = np.zeros(PIECE_BYTES, np.uint64)
        self._keys: _UInt64s = np.empty(max_pairs, np.uint64)
        self._other_keys: _UInt64s = np.empty(0, np.uint64)
        self._table: _UInt64s = np.zeros((_MIN_SLOTS, 4), np.uint64)
        self._arena: _UInt64s = np.empty(_MIN_SLOTS, np.uint64)
        self._start()

    @property
    def is_full(self) -> bool:
        """Tell whether the bigrams nearly fill their room: time to `finish`."""
        return bool(10 * self._state[NUM_KEYS] >= 9 * self._max_pairs)

    def add(self, text: npt.NDArray[np.uint8]) -> None:
        """Count the words and bigrams of one page of valid UTF-8."""
        state, size = self._state, len(text)
        chunks = self._copy(text)
        text = chunks.view(np.uint8)
        state[PREVIOUS], state[OPEN_END] = -1, 0
        needed = int(state[NUM_KEYS]) + size // 2 + 1
        if needed > len(self._keys):
            self._keys = _grown(self._keys, needed)
        position = 0
        while True:
            position, why = scan(text, chunks, position, size, self._characters, self._words, self._counts())
            if why == DONE:
                return
            if why == GROW:
                self._grow(text, position, size)
            else:
                end = int(state[TOKEN_END])
                self._add_token(text[position:end].tobytes())
                position = end

    def finish(self) -> Run:
        """Return the run of all pages since the last one."""
        state = self._state
        num, num_keys = int(state[NUM_SURFACES]), int(state[NUM_KEYS])
        self.num_long_words += int(state[NUM_LONG])
        numbers, hashes, word_hashes, counted, places = used_rows(self._table, num)
        order = order_by_hash(word_hashes, hashes)
        word_hash, count, rank = _take(order, numbers, word_hashes, counted)
        bits = max(1, int(num - 1).bit_length()) if num else 1
        keys = self._keys[:num_keys]
        _rank_pairs(keys, rank, bits)
        if num_keys > len(self._other_keys):
            self._other_keys = np.empty(len(self._keys), np.uint64)
        first, second, counts = _count_runs(sort_keys(keys, self._other_keys[:num_keys], 0, 2 * bits), bits)
        size, data = _gather(places, order, self._arena.view(np.uint8))
        self._num_last = num
        self._start()
        return Run(word_hash=word_hash, count=count, size=size, data=data, first=first, second=second, counts=counts)

    def _start(self) -> None:
        if len(self._table) > _MIN_SLOTS and len(self._table) > 8 * self._num_last:
            self._table = np.zeros((_MIN_SLOTS, 4), np.uint64)
        else:  # of the size the last run needed
            self._table[:] = 0
        self._state: npt.NDArray[np.int64] = np.zeros(8, np.int64)
        self._state[PREVIOUS] = -1
        if len(self._keys) > self._max_pairs:
            self._keys = np.empty(self._max_pairs, np.uint64)

    def _reserve_work(self, num_bytes: int) -> None:
        self._words = new_words(num_bytes // 2 + 64)

    def _counts(self) -> Counts:
        return Counts(self._table, self._arena, self._keys, self._state)

    def _grow(self, text: npt.NDArray[np.uint8], position: int, size: int) -> None:
        """Make room for the piece at `position`: one of `PIECE_BYTES`, longer where a token is."""
        end = min(size, position + PIECE_BYTES)
        while end < size and text[end] not in (32, 10):
            block = text[end : min(size, end + 4096)]
            stops = np.flatnonzero((block == 32) | (block == 10))
            end += int(stops[0]) if len(stops) else len(block)
        room = (end - position) // 2 + 1
        if room > len(self._words.begins):
            self._reserve_work(end - position)
        self._make_room(room, room)

    def _make_room(self, num_words: int, num_chunks: int) -> None:
        num, used = int(self._state[NUM_SURFACES]), int(self._state[ARENA_USED])
        slots = len(self._table)
        while 3 * (num + num_words) > 2 * slots:
            slots *= 2
        if slots > len(self._table):
            larger = np.zeros((slots, 4), np.uint64)
            move_rows(self._table, larger)
            self._table = larger
        if used + num_chunks > len(self._arena):
            self._arena = _grown(self._arena, used + num_chunks)

    def _copy(self, text: npt.NDArray[np.uint8]) -> _UInt64s:
        """Return `text` as 64-bit words with two more behind it."""
        needed = len(text) // 8 + 3
        if needed > len(self._chunks):
            self._chunks = np.zeros(2 * needed, np.uint64)
        self._chunks[needed - 3 : needed] = 0
        self._chunks.view(np.uint8)[: len(text)] = text
        return self._chunks

    def _add_token(self, token: bytes) -> None:
        found = self._known.get(token)
        if found is None:
            told = token_words(token.decode())
            surfaces: list[tuple[bytes, np.uint64]] = []
            for spelling in told.surfaces:
                normal = np.frombuffer(" ".join(words(spelling)).encode(), np.uint8)
                surfaces.append((spelling.encode(), np.uint64(text_hash(normal, 0, len(normal)))))
            found = (surfaces, told.joined, told.ends_sentence, told.starts_small)
            if len(self._known) < 100_000:
                self._known[token] = found
        surfaces, joined, ends_sentence, starts_small = found
        state = self._state
        if not surfaces:
            state[PREVIOUS] = -1
        may_join = starts_small or not state[OPEN_END]
        self._make_room(len(surfaces), sum(len(surface) // 8 + 1 for surface, _ in surfaces))
        for place, (surface, word_hash) in enumerate(surfaces):
            if len(surface) > MAX_WORD_BYTES:
                state[NUM_LONG] += 1
                state[PREVIOUS] = -1
                continue
            chunks = np.frombuffer(surface.ljust(len(surface) // 8 * 8 + 24, b"\0"), np.uint64)
            push_word(chunks, len(surface), word_hash, joined[place - 1] if place else may_join, self._counts())
        state[OPEN_END] = ends_sentence


@functools.lru_cache(maxsize=1)
def process_counter(max_pairs: int) -> NgramCounter:
    """Return the counter of this process: its tables are made once, and keep their room from unit to unit."""
    return NgramCounter(max_pairs)


def release_counter() -> None:
    """Let go of the counter of this process: nothing more will be counted."""
    process_counter.cache_clear()


def _grown(array: npt.NDArray, size: int) -> npt.NDArray:
    larger = np.empty((max(size, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


@kernel
def used_rows(table, num_rows):
    """Return (id, hash, hash of the word, count, place) of the spellings, in the order of their slots."""
    numbers = np.empty(num_rows, np.uint32)
    hashes = np.empty(num_rows, np.uint64)
    word_hashes = np.empty(num_rows, np.uint64)
    counts = np.empty(num_rows, np.uint32)
    places = np.empty(num_rows, np.uint64)
    row = 0
    for slot in range(len(table)):
        counted = table[slot, COUNTED]
        if counted != 0:
            numbers[row] = (counted & NUMBER_MASK) - np.uint64(1)
            counts[row] = counted >> np.uint64(32)
            hashes[row] = table[slot, HASH]
            word_hashes[row] = table[slot, WORD_HASH]
            places[row] = table[slot, PLACE]
            row += 1
    return numbers, hashes, word_hashes, counts, places


def order_by_hash(word_hashes: _UInt64s, hashes: _UInt64s) -> npt.NDArray[np.int64]:
    """Return the rows sorted by (word_hash, hash)."""
    keys = _hash_heads(word_hashes)
    ordered = sort_keys(keys, np.empty_like(keys), _ROW_BITS, 3 * _DIGIT_BITS)
    order = (ordered & np.uint64((1 << _ROW_BITS) - 1)).astype(np.int64)
    _sort_equal_heads(order, ordered, word_hashes, hashes)
    return order


@kernel
def _hash_heads(word_hashes):
    """Return the first 33 bits of each hash, its row behind them."""
    keys = np.empty(len(word_hashes), np.uint64)
    for row in range(len(word_hashes)):
        keys[row] = ((word_hashes[row] >> np.uint64(_ROW_BITS)) << np.uint64(_ROW_BITS)) | np.uint64(row)
    return keys


@kernel
def _sort_equal_heads(order, ordered, word_hashes, hashes):
    """Put in order the rows whose hashes begin alike: spellings of one word, now and then another word."""
    begin = 0
    for i in range(1, len(order) + 1):
        if i < len(order) and (ordered[i] ^ ordered[begin]) >> np.uint64(_ROW_BITS) == 0:
            continue
        if i - begin > _FEW:
            tied = order[begin:i].copy()
            tied = tied[np.argsort(hashes[tied])]
            order[begin:i] = tied[np.argsort(word_hashes[tied], kind="mergesort")]
        else:
            for j in range(begin + 1, i):
                row = order[j]
                k = j
                while k > begin and (
                    word_hashes[order[k - 1]] > word_hashes[row]
                    or (word_hashes[order[k - 1]] == word_hashes[row] and hashes[order[k - 1]] > hashes[row])
                ):
                    order[k] = order[k - 1]
                    k -= 1
                order[k] = row
        begin = i


@kernel
def _take(order, numbers, word_hashes, counts):
    """Return (hash of the word, count) in `order`, and by id the place in `order`."""
    ordered_hashes = np.empty(len(order), np.uint64)
    ordered_counts = np.empty(len(order), np.uint32)
    rank = np.empty(len(order), np.uint32)
    for place in range(len(order)):
        row = order[place]
        ordered_hashes[place] = word_hashes[row]
        ordered_counts[place] = counts[row]
        rank[numbers[row]] = place
    return ordered_hashes, ordered_counts, rank


@kernel
def _gather(places, order, arena):
    """Return (size, bytes) of the spellings in `order`."""
    sizes = np.empty(len(order), np.uint16)
    starts = np.empty(len(order), np.int64)
    total = 0
    for row in range(len(order)):
        place = places[order[row]]
        sizes[row] = place & np.uint64(2047)
        starts[row] = place >> np.uint64(11)
        total += sizes[row]
    data = np.empty(total, np.uint8)
    at = 0
    for row in range(len(order)):
        start = starts[row]
        for k in range(sizes[row]):
            data[at + k] = arena[start + k]
        at += sizes[row]
    return sizes, data


@kernel
def _rank_pairs(keys, rank, bits):
    """Replace the ids in each key by their ranks, packed into ``2 * bits`` bits."""
    for i in range(len(keys)):
        first = np.uint64(rank[keys[i] >> np.uint64(32)])
        keys[i] = (first << np.uint64(bits)) | np.uint64(rank[keys[i] & np.uint64(0xFFFFFFFF)])


@kernel
def sort_keys(keys, other, low_bit, num_bits):
    """Return `keys` sorted by `num_bits` bits from `low_bit` on, in `keys` or `other`: a radix sort."""
    num_digits = (num_bits + _DIGIT_BITS - 1) // _DIGIT_BITS
    size = 1 << _DIGIT_BITS
    mask = np.uint64(size - 1)
    counts = np.zeros((num_digits, size), np.int64)
    for i in range(len(keys)):
        key = keys[i]
        for digit in range(num_digits):
            counts[digit, (key >> np.uint64(low_bit + _DIGIT_BITS * digit)) & mask] += 1
    source = keys
    target = other
    for digit in range(num_digits):
        shift = np.uint64(low_bit + _DIGIT_BITS * digit)
        total = 0
        for value in range(size):
            count = counts[digit, value]
            counts[digit, value] = total
            total += count
        for i in range(len(source)):
            key = source[i]
            value = (key >> shift) & mask
            target[counts[digit, value]] = key
            counts[digit, value] += 1
        source, target = target, source
    return source


@kernel
def _count_runs(keys, bits):
    """Return (first, second, count) of the distinct values of sorted `keys`."""
    distinct = 0
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            distinct += 1
    first = np.empty(distinct, np.uint32)
    second = np.empty(distinct, np.uint32)
    counts = np.empty(distinct, np.uint32)
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    row = -1
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            row += 1
            first[row] = keys[i] >> np.uint64(bits)
            second[row] = keys[i] & mask
            counts[row] = 0
        counts[row] += np.uint32(1)
    return first, second, counts
