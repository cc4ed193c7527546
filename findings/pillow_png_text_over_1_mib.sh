#!/usr/bin/env bash
# Pillow 12.3.0 beside OpenCV 5.0.0.93 (headless), Python 3.11: a PNG with a long compressed text cannot be opened at all.
#
# Image generators store their workflow in a zTXt or compressed iTXt chunk. When it unpacks to more than 1 MiB,
# Image.open raises ValueError("Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK"), though the pixels lie in
# other chunks and are whole: OpenCV decodes them. Behind the pixels (IDAT) the same chunk lets Image.open pass and
# makes load() raise. A pipeline that opens with Pillow loses such pictures, one by OpenCV (img2dataset's) keeps them.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pillow==12.3.0 numpy opencv-python-headless==5.0.0.93
"$folder/env/bin/python" - <<'PY'
import io
import struct
import sys
import zlib

import cv2
import numpy as np
from PIL import Image


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(before=b"", behind=b""):
    rows = b"".join(b"\0" + bytes([10 * y, 0, 200]) * 8 for y in range(8))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", zlib.compress(rows)) + behind + chunk(b"IEND", b"")


def by_pillow(data):
    try:
        image = Image.open(io.BytesIO(data))
    except ValueError as error:
        return f"open: {error}"
    try:
        image.load()
    except ValueError as error:
        return f"load: {error}"
    return "decoded"


def by_opencv(data):
    return "decoded" if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None else "refused"


text = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"node " * 2**19))  # 2.5 MiB
seen = {}
for name, data in (("no text", png()), ("before IDAT", png(before=text)), ("behind IDAT", png(behind=text))):
    seen[name] = by_pillow(data), by_opencv(data)
    print(f"{name}: Pillow {seen[name][0]}; OpenCV {seen[name][1]}")
right = all(opencv == "decoded" for _, opencv in seen.values()) and seen["no text"][0] == "decoded"
refused = seen["before IDAT"][0].startswith("open: ") and seen["behind IDAT"][0].startswith("load: ")
sys.exit(not (right and refused) and "changed")
PY
