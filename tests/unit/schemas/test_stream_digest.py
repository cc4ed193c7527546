"""What is read in pieces has the digest of the whole."""

import hashlib
import io

from schemas.stream_digest import PIECE_BYTES, sha256_of


def test_pieces_make_the_whole() -> None:
    data = bytes(range(256)) * (PIECE_BYTES // 256) + b"and a rest"
    heard: list[int] = []
    assert sha256_of(io.BytesIO(data), heard.append) == (hashlib.sha256(data).hexdigest(), len(data))
    assert heard == [PIECE_BYTES, len(b"and a rest")]


def test_nothing_has_a_digest_too() -> None:
    assert sha256_of(io.BytesIO()) == (hashlib.sha256().hexdigest(), 0)
