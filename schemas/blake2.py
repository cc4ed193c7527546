"""BLAKE2b (RFC 7693) over Arrow buffers: one digest per row, equal to `hashlib.blake2b`.

In: the concatenated bytes of many rows with their offsets. Out: a ``uint64`` array of digest words.
A compiled kernel because ids are made for every pair: about 2 million short rows per second and core,
where one `hashlib` call per row does a third of that and needs a Python object each.
"""

import numba
import numpy as np
import numpy.typing as npt

IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    dtype=np.uint64,
)  # fmt: skip

SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    dtype=np.uint8,
)  # fmt: skip

BLOCK_BYTES = 128

UInt64Array = npt.NDArray[np.uint64]
UInt8Array = npt.NDArray[np.uint8]


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _rotate_right(word, bits):  # type: ignore[no-untyped-def]
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def compress(state, block, counted_bytes, last, work, words):  # type: ignore[no-untyped-def]
    """Mix one block into `state`; `work` and `words` are room for 16 words each."""
    for i in range(16):
        word = np.uint64(0)
        for j in range(8):
            word |= np.uint64(block[8 * i + j]) << np.uint64(8 * j)
        words[i] = word
    for i in range(8):
        work[i] = state[i]
        work[i + 8] = IV[i]
    work[12] ^= np.uint64(counted_bytes)
    if last:
        work[14] = ~work[14]
    for turn in range(12):
        for step in range(8):
            if step < 4:
                a, b, c, d = step, 4 + step, 8 + step, 12 + step
            else:
                k = step - 4
                a, b, c, d = k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4
            x = words[SIGMA[turn, 2 * step]]
            y = words[SIGMA[turn, 2 * step + 1]]
            work[a] = work[a] + work[b] + x
            work[d] = _rotate_right(work[d] ^ work[a], 32)
            work[c] = work[c] + work[d]
            work[b] = _rotate_right(work[b] ^ work[c], 24)
            work[a] = work[a] + work[b] + y
            work[d] = _rotate_right(work[d] ^ work[a], 16)
            work[c] = work[c] + work[d]
            work[b] = _rotate_right(work[b] ^ work[c], 63)
    for i in range(8):
        state[i] ^= work[i] ^ work[i + 8]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _digest_rows(data, offsets, initial_state, key_block, digest_words):  # type: ignore[no-untyped-def]
    num_rows = len(offsets) - 1
    digests = np.empty((num_rows, digest_words), dtype=np.uint64)
    state = np.empty(8, dtype=np.uint64)
    work = np.empty(16, dtype=np.uint64)
    words = np.empty(16, dtype=np.uint64)
    block = np.zeros(BLOCK_BYTES, dtype=np.uint8)
    keyed = len(key_block) > 0
    for row in range(num_rows):
        for i in range(8):
            state[i] = initial_state[i]
        begin, end = offsets[row], offsets[row + 1]
        counted = 0
        if keyed:
            counted = BLOCK_BYTES
            compress(state, key_block, counted, begin == end, work, words)
        while end - begin > BLOCK_BYTES:
            counted += BLOCK_BYTES
            compress(state, data[begin : begin + BLOCK_BYTES], counted, False, work, words)
            begin += BLOCK_BYTES
        if not keyed or begin < end:
            size = end - begin
            for i in range(size):
                block[i] = data[begin + i]
            for i in range(size, BLOCK_BYTES):
                block[i] = 0
            counted += size
            compress(state, block, counted, True, work, words)
        for i in range(digest_words):
            digests[row, i] = state[i]
    return digests


def digest_rows(
    data: UInt8Array, offsets: npt.NDArray[np.int64], *, digest_bytes: int, person: bytes, key: bytes = b""
) -> UInt64Array:
    """Hash row i = ``data[offsets[i]:offsets[i + 1]]`` of every i.

    Returns shape ``[rows, digest_bytes / 8]``, little-endian words: ``result[i].tobytes()`` equals
    ``hashlib.blake2b(row, digest_size=digest_bytes, person=person, key=key).digest()``.
    """
    if digest_bytes not in (8, 16, 32, 64):
        raise ValueError(f"digest_bytes must be 8, 16, 32 or 64, found {digest_bytes!r}")
    if len(person) > 16 or len(key) > 64:
        raise ValueError(f"person has at most 16 bytes and key 64, found {len(person)} and {len(key)}")
    parameters = np.zeros(64, dtype=np.uint8)
    parameters[0:4] = (digest_bytes, len(key), 1, 1)
    parameters[48 : 48 + len(person)] = np.frombuffer(person, dtype=np.uint8)
    state = IV ^ parameters.view("<u8")
    key_block = np.zeros(BLOCK_BYTES if key else 0, dtype=np.uint8)
    key_block[: len(key)] = np.frombuffer(key, dtype=np.uint8)
    digests: UInt64Array = _digest_rows(
        np.ascontiguousarray(data), np.ascontiguousarray(offsets), state, key_block, digest_bytes // 8
    )
    return digests
