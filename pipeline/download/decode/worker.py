"""A decode process: images come in on standard input, results go out on standard output, in order.

    in:   one JSON line of settings, then per image: length (4 bytes, big-endian), bytes
    out:  per image: length of the JSON (4), length of the image (4), JSON, image

It dies with its parent (end of input, and a signal on Linux), and by an alarm when one image takes more
than `MAX_DECODE_CPU_S` of processor time, so a stuck decode costs one image.
"""

import json
import os
import resource
import signal
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from pipeline.runners.processes import die_with_parent

MAX_DECODE_CPU_S = 20.0
"""Processor time, not wall time: a loaded machine must not change results."""

BASE_MEMORY_BYTES = 2 << 30
MEMORY_BYTES_PER_PIXEL = 24

IN_HEADER = struct.Struct(">I")
OUT_HEADER = struct.Struct(">II")

READY = b"ready"
"""Sent once the imports are done: a process that ends before this is broken itself, not by an image."""


def main() -> None:
    source = os.fdopen(os.dup(0), "rb", buffering=1 << 20)
    sink = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):  # native decoders print; the pipes are ours alone
        os.dup2(quiet, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it closes our input
    die_with_parent()
    settings_line = source.readline()
    if not settings_line:
        return
    from pipeline.download.decode.image import Decoder, DecodeSettings  # slow import, after the guards

    settings = DecodeSettings(**json.loads(settings_line))
    decoder = Decoder(settings)
    limit = BASE_MEMORY_BYTES + MEMORY_BYTES_PER_PIXEL * settings.max_pixels
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(quiet, 2)  # until here errors are ours; from here decoders warn about foreign bytes
    sink.write(READY)
    sink.flush()
    _serve(source, sink, decoder)


def _serve(source: BinaryIO, sink: BinaryIO, decode: Callable[[bytes], Any]) -> None:
    from pipeline.download.outcome import Encoded

    while True:
        header = source.read(IN_HEADER.size)
        if len(header) < IN_HEADER.size:
            return
        (size,) = IN_HEADER.unpack(header)
        data = source.read(size)
        if len(data) < size:
            return
        signal.setitimer(signal.ITIMER_PROF, MAX_DECODE_CPU_S)
        result = decode(data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if isinstance(result, Encoded):
            body = result.data
            fields = {
                "width": result.width, "height": result.height, "original_width": result.original_width,
                "original_height": result.original_height, "sha256": result.sha256,
            }  # fmt: skip
        else:
            body = b""
            fields = {"reason": result.reason}
        text = json.dumps(fields).encode()
        sink.write(OUT_HEADER.pack(len(text), len(body)))
        sink.write(text)
        sink.write(body)
        sink.flush()


if __name__ == "__main__":
    main()
