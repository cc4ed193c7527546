"""Identities: image_id, pair_id, rank. All are BLAKE2b, so anyone can recompute them with `hashlib`.

========  ======================================================================  ==============
identity  hashed bytes                                                            ``person``
========  ======================================================================  ==============
image_id  the normalised URL, or ``root NUL member`` of a local image             ``wit.image.1``
pair_id   image_id (16 bytes), then the stored caption in UTF-8                   ``wit.pair.1``
rank      pair_id; 8-byte digest read little-endian, key = seed as 8 bytes        ``wit.rank.1``
draw      pair_id, query_id as 4 bytes little-endian; as rank                     ``wit.draw.1``
caption   pair_id; as rank: the order of the captions of one image                ``wit.caption.1``
text      the stored caption in UTF-8; 8-byte digest read little-endian           ``wit.text.1``
========  ======================================================================  ==============

The digests of ids have 16 bytes. The ``person`` keeps the hash domains apart: selected pairs all have
low ranks, so a partition or shard cut from the rank would be uneven.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import ids_from_words, string_buffers, strings, words_from_ids
from schemas.kernels.ascii import (
    AT_SIGN,
    CLOSE_BRACKET,
    COLON,
    DELETE,
    HASH_SIGN,
    QUESTION_MARK,
    SLASH,
    SPACE,
    is_digit,
    small_letter,
)
from schemas.kernels.blake2 import UInt8Array, UInt64Array, digest_rows
from schemas.kernels.blake2_ids import digest_ids
from schemas.kernels.byte_copy import copy_bytes
from schemas.kernels.byte_scan import is_at, is_at_any_case
from schemas.kernels.compiled import kernel, leaf

IDENTITY_VERSION = "1"
"""Part of every run identity: raise it whenever an id of the same input would change."""

MAX_URL_BYTES = 8192
"""Longer URLs are rejections; browsers and servers stop between 2 and 8 KiB."""

URL_OK, URL_NOT_HTTP, URL_NO_HOST, URL_BAD_CHARACTER, URL_TOO_LONG, URL_WITH_CREDENTIALS = range(6)

URL_FAULTS = ("", "url_not_http", "url_without_host", "url_bad_character", "url_too_long", "url_with_credentials")
"""Rejection reason of each fault code of `normalise_urls`."""


@leaf
def _has_bad_character(data, begin, end):
    bad = False
    for i in range(begin, end):  # to the end: without a way out it is many bytes at once
        byte = data[i]
        bad |= byte <= SPACE or byte == DELETE
    return bad


@leaf
def _scheme_size(data, begin, end):
    """Return the length of the scheme before ``://``, 0 when it is another than http and https."""
    if is_at_any_case(data, begin, end, b"http://"):
        return len("http")
    if is_at_any_case(data, begin, end, b"https://"):
        return len("https")
    return 0


@leaf
def _authority_end(data, begin, end):
    i = begin
    while i < end and data[i] != SLASH and data[i] != QUESTION_MARK and data[i] != HASH_SIGN:
        i += 1
    return i


@leaf
def _host_end(data, begin, end):
    """Return where ``:port`` stands in an authority, its end when there is none. Colons in ``[::1]`` are no port's."""
    port = end
    for i in range(begin, end):
        if data[i] == COLON and port == end:
            port = i
        elif data[i] == CLOSE_BRACKET:
            port = end
    return port


@leaf
def _has_default_port(data, begin, end, scheme_size):
    if begin >= end or end - begin == 1:
        return True
    if scheme_size == len("http"):
        return end - begin == len(":80") and is_at(data, begin, end, b":80")
    return end - begin == len(":443") and is_at(data, begin, end, b":443")


@leaf
def _parts(data, begin, end):
    """Return (fault, length of the scheme, end of the host, end of the authority)."""
    if end - begin > MAX_URL_BYTES:
        return URL_TOO_LONG, 0, begin, begin
    if _has_bad_character(data, begin, end):
        return URL_BAD_CHARACTER, 0, begin, begin
    scheme_size = _scheme_size(data, begin, end)
    if scheme_size == 0:
        return URL_NOT_HTTP, 0, begin, begin
    host = begin + scheme_size + len("://")
    stop = _authority_end(data, host, end)
    for i in range(host, stop):
        if data[i] == AT_SIGN:  # "user:password@host": must not be published
            return URL_WITH_CREDENTIALS, scheme_size, stop, stop
    host_end = _host_end(data, host, stop)
    for i in range(host_end + 1, stop):
        if not is_digit(data[i]):
            return URL_BAD_CHARACTER, scheme_size, host_end, stop
    return URL_NO_HOST if host_end == host else URL_OK, scheme_size, host_end, stop


@leaf
def _write_url(data, begin, end, scheme_size, host_end, stop, out, position):
    """Write a URL of good parts to `out` from `position` on; return its end."""
    for i in range(begin, host_end):
        out[position] = small_letter(data[i])
        position += 1
    if not _has_default_port(data, host_end, stop, scheme_size):
        position = copy_bytes(data, host_end, stop, out, position)
    if stop == end or data[stop] != SLASH:
        out[position] = SLASH
        position += 1
    for i in range(stop, end):
        if data[i] == HASH_SIGN:
            break
        out[position] = data[i]
        position += 1
    return position


@leaf
def _normalise_urls(data, offsets, out, out_offsets, faults):
    position = 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = position
        begin, end = offsets[row], offsets[row + 1]
        fault, scheme_size, host_end, stop = _parts(data, begin, end)
        faults[row] = fault
        if fault == URL_OK:
            position = _write_url(data, begin, end, scheme_size, host_end, stop, out, position)
    out_offsets[len(offsets) - 1] = position
    return position


def normalise_urls(urls: pa.ChunkedArray | pa.Array) -> tuple[pa.Array, npt.NDArray[np.uint8]]:
    """Return (normalised URLs, fault code per row; index into `URL_FAULTS`, 0 = good).

    Normalised: scheme and host in lower case, default port and fragment cut, an empty path made ``/``.
    Path and query stay as they are. A faulty row is empty. Only http and https are URLs of images,
    and none with a user name or password: those must not be published.
    """
    data, offsets = string_buffers(urls)
    num_rows = len(offsets) - 1
    out = np.empty(int(offsets[-1] - offsets[0]) + num_rows + 1, dtype=np.uint8)
    out_offsets = np.zeros(num_rows + 1, dtype=np.int64)
    faults = np.zeros(num_rows, dtype=np.uint8)
    size = _normalise_urls(data, offsets, out, out_offsets, faults)
    return strings(out[:size], out_offsets), faults


def image_ids(normalised_references: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the image_id of each normalised URL or local reference (see `local_references`)."""
    data, offsets = string_buffers(normalised_references)
    return ids_from_words(digest_rows(data, offsets, digest_bytes=16, person=b"wit.image.1"))


def local_references(root: str, members: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return ``root NUL member`` per row: what `image_ids` hashes for an image that has no URL.

    `root` names the input, never a machine path; `member` is the path below it, ``/`` separated, for an
    image inside a tar ``shard.tar/name.jpg``.
    """
    return pc.binary_join_element_wise(pa.scalar(root), members.cast(pa.string()), "\0")


@kernel
def _prefixed(prefixes, data, offsets):
    num_rows, width = prefixes.shape
    out = np.empty(num_rows * width + offsets[-1] - offsets[0], dtype=np.uint8)
    out_offsets = np.empty(num_rows + 1, dtype=np.int64)
    position = 0
    for row in range(num_rows):
        out_offsets[row] = position
        for i in range(width):
            out[position + i] = prefixes[row, i]
        position += width
        for i in range(offsets[row], offsets[row + 1]):
            out[position] = data[i]
            position += 1
    out_offsets[num_rows] = position
    return out, out_offsets


def pair_ids(image_id: pa.ChunkedArray | pa.Array, captions: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the pair_id of each (image_id, stored caption)."""
    prefixes = np.ascontiguousarray(words_from_ids(image_id)).view(np.uint8).reshape(-1, 16)
    data, offsets = string_buffers(captions)
    joined, joined_offsets = _prefixed(prefixes, data, offsets)
    return ids_from_words(digest_rows(joined, joined_offsets, digest_bytes=16, person=b"wit.pair.1"))


def seed_key(seed: int) -> bytes:
    """Return the hash key of a public seed: 8 bytes, little-endian. Raises ValueError outside 0 .. 2**64 - 1."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be in 0 .. 2**64 - 1, found {seed!r}")
    return seed.to_bytes(8, "little")


def ranks(pair_id: pa.ChunkedArray | pa.Array, key: bytes) -> UInt64Array:
    """Return the uint64 rank of each pair under `key` (`seed_key` of the seed, or a private key)."""
    return digest_ids(words_from_ids(pair_id), person=b"wit.rank.1", key=key)


def caption_ranks(pair_id: pa.ChunkedArray | pa.Array, key: bytes) -> UInt64Array:
    """Return the uint64 rank of each pair among the captions of its image, in a hash domain of its own.

    Captions kept by `ranks` would all have low ranks, and images of many captions more of them than others.
    """
    return digest_ids(words_from_ids(pair_id), person=b"wit.caption.1", key=key)


def text_hashes(captions: pa.ChunkedArray | pa.Array) -> UInt64Array:
    """Return a uint64 hash of each stored caption."""
    data, offsets = string_buffers(captions)
    return digest_rows(data, offsets, digest_bytes=8, person=b"wit.text.1")[:, 0]


def draws(pair_words: UInt64Array, query_ids: npt.NDArray[np.int32], key: bytes) -> UInt64Array:
    """Return a uint64 draw per (pair, query): row i of `pair_words` ``[rows, 2]`` with ``query_ids[i]``."""
    rows: UInt8Array = np.empty((len(query_ids), 20), dtype=np.uint8)
    rows[:, :16] = np.ascontiguousarray(pair_words).view(np.uint8).reshape(-1, 16)
    rows[:, 16:] = query_ids.astype("<i4").view(np.uint8).reshape(-1, 4)
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * 20
    return digest_rows(rows.reshape(-1), offsets, digest_bytes=8, person=b"wit.draw.1", key=key)[:, 0]


def sample_rows(texts: pa.ChunkedArray | pa.Array, num: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows of the `num` lowest hashes (all rows if there are fewer), lowest first."""
    data, offsets = string_buffers(texts)
    hashes = digest_rows(data, offsets, digest_bytes=8, person=b"wit.sample.1", key=seed_key(seed))[:, 0]
    return np.argsort(hashes, kind="stable")[:num].astype(np.int64)
