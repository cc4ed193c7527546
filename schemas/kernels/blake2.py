"""BLAKE2b (RFC 7693) over Arrow buffers: one digest per row, equal to `hashlib.blake2b`.

In: the concatenated bytes of many rows with their offsets. Out: a ``uint64`` array of digest words.
A compiled kernel because ids are made for every pair: about 5 million short rows per second and core,
where one `hashlib` call per row does a fourth of that and needs a Python object each.
"""

import numpy as np
import numpy.typing as npt

from schemas.kernels.compiled import inlined, leaf
from schemas.kernels.lanes import load_word

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


@inlined
def _turn(word, bits):
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@inlined
def mix(a, b, c, d, x, y):
    """Return the words mixed with `x` and `y`: the function G of RFC 7693, section 3.1."""
    a = a + b + x
    d = _turn(d ^ a, 32)
    c = c + d
    b = _turn(b ^ c, 24)
    a = a + b + y
    d = _turn(d ^ a, 16)
    c = c + d
    b = _turn(b ^ c, 63)
    return a, b, c, d


@leaf
def compress(state, data, begin, size, counted_bytes, last, words):
    """Mix the block ``data[begin:begin + size]`` and zeros after it into `state`; `words` is room for 16."""
    whole = size // 8
    for i in range(whole):
        words[i] = load_word(data, begin + 8 * i)
    for i in range(whole, 16):
        words[i] = np.uint64(0)
    for i in range(8 * whole, size):
        words[whole] |= np.uint64(data[begin + i]) << np.uint64(8 * (i - 8 * whole))
    v0, v1, v2, v3 = state[0], state[1], state[2], state[3]  # in registers, where an array would be memory
    v4, v5, v6, v7 = state[4], state[5], state[6], state[7]
    v8, v9, v10, v11 = IV[0], IV[1], IV[2], IV[3]
    v12, v13, v14, v15 = IV[4] ^ np.uint64(counted_bytes), IV[5], IV[6], IV[7]
    if last:
        v14 = ~v14
    for turn in range(12):
        v0, v4, v8, v12 = mix(v0, v4, v8, v12, words[SIGMA[turn, 0]], words[SIGMA[turn, 1]])
        v1, v5, v9, v13 = mix(v1, v5, v9, v13, words[SIGMA[turn, 2]], words[SIGMA[turn, 3]])
        v2, v6, v10, v14 = mix(v2, v6, v10, v14, words[SIGMA[turn, 4]], words[SIGMA[turn, 5]])
        v3, v7, v11, v15 = mix(v3, v7, v11, v15, words[SIGMA[turn, 6]], words[SIGMA[turn, 7]])
        v0, v5, v10, v15 = mix(v0, v5, v10, v15, words[SIGMA[turn, 8]], words[SIGMA[turn, 9]])
        v1, v6, v11, v12 = mix(v1, v6, v11, v12, words[SIGMA[turn, 10]], words[SIGMA[turn, 11]])
        v2, v7, v8, v13 = mix(v2, v7, v8, v13, words[SIGMA[turn, 12]], words[SIGMA[turn, 13]])
        v3, v4, v9, v14 = mix(v3, v4, v9, v14, words[SIGMA[turn, 14]], words[SIGMA[turn, 15]])
    state[0] ^= v0 ^ v8
    state[1] ^= v1 ^ v9
    state[2] ^= v2 ^ v10
    state[3] ^= v3 ^ v11
    state[4] ^= v4 ^ v12
    state[5] ^= v5 ^ v13
    state[6] ^= v6 ^ v14
    state[7] ^= v7 ^ v15


@leaf
def _digest_rows(data, offsets, initial_state, key_block, state, words, digests):
    keyed = len(key_block) > 0
    for row in range(len(digests)):
        for i in range(8):
            state[i] = initial_state[i]
        begin, end = offsets[row], offsets[row + 1]
        counted = 0
        if keyed:
            counted = BLOCK_BYTES
            compress(state, key_block, 0, BLOCK_BYTES, counted, begin == end, words)
        while end - begin > BLOCK_BYTES:
            counted += BLOCK_BYTES
            compress(state, data, begin, BLOCK_BYTES, counted, False, words)
            begin += BLOCK_BYTES
        if not keyed or begin < end:
            compress(state, data, begin, end - begin, counted + end - begin, True, words)
        for i in range(digests.shape[1]):
            digests[row, i] = state[i]


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
    digests: UInt64Array = np.empty((len(offsets) - 1, digest_bytes // 8), dtype=np.uint64)
    room = np.empty(8, dtype=np.uint64), np.empty(16, dtype=np.uint64)
    _digest_rows(np.ascontiguousarray(data), np.ascontiguousarray(offsets), state, key_block, *room, digests)
    return digests
