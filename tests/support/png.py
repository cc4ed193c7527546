"""PNG files for tests, chunk by chunk."""

import struct
import zlib

MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes, right: bool = True) -> bytes:
    """Return a chunk; one that is not `right` has a wrong checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ (not right))


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return (kind, body) of the chunks of a whole PNG."""
    found, position = [], len(MAGIC)
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + size]))
        position += 12 + size
    return found


def with_chunk(data: bytes, added: bytes, behind: bytes = b"IHDR") -> bytes:
    """Return a PNG with the bytes `added` behind its last chunk of the kind `behind`."""
    parts = chunks_of(data)
    last = max(number for number, (kind, _) in enumerate(parts) if kind == behind)
    return MAGIC + b"".join(chunk(*part) + (added if number == last else b"") for number, part in enumerate(parts))
