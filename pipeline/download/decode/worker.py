"""A decode process: images come in on standard input, results go out on standard output, in order.

    in:   one JSON line of settings, then per image: length (4 bytes, big-endian), length of what the list says of it
          (4, often 0), image, that
    out:  per image: length of the JSON (4), length of the image (4), JSON, image

Where the second length is `READ_MANIFEST` the image is not decoded: what its manifest says is read, in the same bounds.

It dies with its parent (end of input, and a signal on Linux), and by an alarm when one image takes more
than `MAX_DECODE_CPU_S` of processor time, so a stuck decode costs one image.
"""

import json
import os
import resource
import signal
import struct
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, BinaryIO

from pipeline.runners.processes import die_with_parent

MAX_DECODE_CPU_S = 20.0
"""Processor time, not wall time: a loaded machine must not change results."""

BASE_MEMORY_BYTES = 2 << 30
MEMORY_BYTES_PER_PIXEL = 24

IN_HEADER = struct.Struct(">II")
OUT_HEADER = struct.Struct(">II")

READ_MANIFEST = 0xFFFFFFFF
"""In place of a length: nothing is said of the image, and the JSON has ``signals``, each as a list of its fields."""

ENCODED_FIELDS = (
    "width", "height", "original_width", "original_height", "sha256", "phash", "exif", "further_hash", "colours",
)  # fmt: skip
FAILURE_FIELDS = ("reason", "original_width", "original_height", "phash")
"""What goes back of a result, as far as it is not None."""

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
    from pipeline.download.content.settings import ContentSettings
    from pipeline.download.decode.image import Decoder, DecodeSettings  # slow import, after the guards

    fields = json.loads(settings_line)
    content = ContentSettings(**fields.pop("content"))
    settings = DecodeSettings(**fields)
    decoder = Decoder(settings, content)
    limit = BASE_MEMORY_BYTES + MEMORY_BYTES_PER_PIXEL * settings.max_pixels
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(quiet, 2)  # until here errors are ours; from here decoders warn about foreign bytes
    sink.write(READY)
    sink.flush()
    _serve(source, sink, decoder)


def _serve(source: BinaryIO, sink: BinaryIO, decode: Callable[[bytes, bytes], Any]) -> None:
    from pipeline.download.outcome import Encoded

    while True:
        header = source.read(IN_HEADER.size)
        if len(header) < IN_HEADER.size:
            return
        size, arguments_size = IN_HEADER.unpack(header)
        data = source.read(size)
        reads_manifest = arguments_size == READ_MANIFEST
        arguments_size = 0 if reads_manifest else arguments_size
        arguments = source.read(arguments_size) if arguments_size else b""
        if len(data) < size or len(arguments) < arguments_size:
            return
        signal.setitimer(signal.ITIMER_PROF, MAX_DECODE_CPU_S)
        if reads_manifest:
            fields, body = _manifest_fields(data), b""
        else:
            result = decode(data, arguments)
            body = result.data if isinstance(result, Encoded) else b""
            noted = ENCODED_FIELDS if isinstance(result, Encoded) else FAILURE_FIELDS
            fields = {name: value for name in noted if (value := getattr(result, name)) is not None}
        signal.setitimer(signal.ITIMER_PROF, 0)
        text = json.dumps(fields).encode()
        sink.write(OUT_HEADER.pack(len(text), len(body)))
        sink.write(text)
        sink.write(body)
        sink.flush()


def _manifest_fields(data: bytes) -> dict[str, Any]:
    from pipeline.download.policy.image_marks import training_mining  # few images have a manifest: memory of few

    return {"signals": [astuple(found) for found in training_mining(data)]}


if __name__ == "__main__":
    main()
