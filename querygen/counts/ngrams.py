"""Exact counts of words and bigrams over pages of text, a bounded run of them at a time.

In: text in UTF-8, a page at a time. Out: a `Run`. Nothing is pruned; `querygen.counts.merge_runs` sums runs.
"""

import functools

import numpy as np
import numpy.typing as npt

from querygen.counts.sorted_run import Run, sorted_run
from querygen.text.characters import characters, text_hash
from querygen.text.spelling_table import (
    ARENA_USED,
    NUM_SURFACES,
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
from schemas.text import words

DEFAULT_MAX_PAIRS = 1 << 24
"""Bigrams of a run before they are sorted: 128 MiB, twice while sorting."""
_MIN_SLOTS = 4 * PIECE_BYTES

_UInt64s = npt.NDArray[np.uint64]


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
        num_keys = int(state[NUM_KEYS])
        self.num_long_words += int(state[NUM_LONG])
        if num_keys > len(self._other_keys):
            self._other_keys = np.empty(len(self._keys), np.uint64)
        self._num_last = int(state[NUM_SURFACES])
        run = sorted_run(
            self._table, self._num_last, self._arena.view(np.uint8), self._keys[:num_keys], self._other_keys[:num_keys]
        )
        self._start()
        return run

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
