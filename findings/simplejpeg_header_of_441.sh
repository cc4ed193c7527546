#!/usr/bin/env bash
# simplejpeg 1.9.0 beside OpenCV 5.0.0.93 (headless), Python 3.11: the header of a JPEG with 4:4:1 chroma.
#
# 4:4:1 (luma sampled 1x4, chroma a quarter as high) is valid baseline JPEG (ITU-T T.81, A.1.1). simplejpeg's own
# decode_jpeg decodes it, as OpenCV does; its decode_jpeg_header raises KeyError(6), no ValueError as for a broken file:
# libjpeg-turbo's name for this sampling has no entry in its table. Who reads headers first to choose a scale loses the
# image, or the job where only ValueError is caught.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q simplejpeg==1.9.0 numpy opencv-python-headless==5.0.0.93
"$folder/env/bin/python" - <<'PY'
import sys

import cv2
import numpy as np
import simplejpeg

rows, columns = np.mgrid[:64, :64]
picture = np.stack([4 * rows, 4 * columns, 2 * (rows + columns)], axis=2).astype(np.uint8)


def jpeg(name):
    sampling = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}")
    return bytearray(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])[1].tobytes())


def by_header(data):
    try:
        return simplejpeg.decode_jpeg_header(bytes(data))
    except KeyError as error:
        return repr(error)


upright = jpeg("411")
frame = upright.index(b"\xff\xc0")
assert upright[frame + 11] == 0x41
upright[frame + 11] = 0x14  # as many blocks in each unit, and as many units: the same stream, blocks below each other
seen = {}
for name, data in {"4:1:1": jpeg("411"), "4:2:0": jpeg("420"), "4:4:1": upright}.items():
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape
    seen[name] = opencv, simplejpeg.decode_jpeg(bytes(data)).shape, by_header(data)
    print(f"{name}: OpenCV {opencv}; decode_jpeg {seen[name][1]}; decode_jpeg_header {seen[name][2]}")
size = (64, 64, 3)
wanted = {
    "4:1:1": (size, size, (64, 64, "YCbCr", "411")),
    "4:2:0": (size, size, (64, 64, "YCbCr", "420")),
    "4:4:1": (size, size, "KeyError(6)"),
}
sys.exit(seen != wanted and "changed")
PY
