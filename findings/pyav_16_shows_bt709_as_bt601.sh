#!/usr/bin/env bash
# PyAV 16.1.0 beside 17.1.0, Python 3.11: the same video has other colours, because 16 does not read its matrix.
#
# H.264 of cameras and of the web tells its colour space; HD is BT.709. A frame of one green, (40, 170, 60), stored as the
# standard says and tagged BT.709, comes back as it was from `frame.to_ndarray(format="rgb24")` in 17.1.0, and as
# (48, 189, 62) in 16.1.0, which takes every stream for BT.601. A frame tagged BT.601 is the same in both.
# Whoever embeds frames by CLIP with 16 shows it other colours than players do; a colour space given by hand
# (`frame.reformat(src_colorspace=...)`) is the way round.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
for version in 16.1.0 17.1.0; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q "av==$version" numpy==2.3.5
done
cat > "$folder/make.py" <<'PY'
import sys

import av
import numpy as np

WANTED = np.array([40, 170, 60])
for name, space, red, blue in (("709", 1, 0.2126, 0.0722), ("601", 6, 0.299, 0.114)):
    luma = float(WANTED @ [red, 1 - red - blue, blue])
    chroma = (WANTED[2] - luma) / (2 - 2 * blue), (WANTED[0] - luma) / (2 - 2 * red)
    planes = [16 + 219 / 255 * luma, *(128 + 224 / 255 * part for part in chroma)]
    yuv = np.concatenate([np.full(n, round(p), np.uint8) for n, p in zip((4096, 1024, 1024), planes)])
    with av.open(f"{sys.argv[1]}/{name}.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = space, 1
        frame = av.VideoFrame.from_ndarray(yuv.reshape(96, 64), format="yuv420p")
        frame.colorspace, frame.color_range = space, 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
PY
cat > "$folder/read.py" <<'PY'
import sys

import av

for name in ("709", "601"):
    with av.open(f"{sys.argv[1]}/{name}.mp4") as container:
        frame = next(container.decode(video=0))
        print(f"BT.{name} (told as {int(frame.colorspace)}):", *frame.to_ndarray(format="rgb24")[32, 32].tolist())
PY
"$folder/17.1.0/bin/python" "$folder/make.py" "$folder"
for version in 16.1.0 17.1.0; do
  "$folder/$version/bin/python" "$folder/read.py" "$folder" | sed "s/^/$version  /" | tee -a "$folder/seen"
done
python3 - "$folder/seen" <<'PY'
import sys

seen = {}
for line in open(sys.argv[1]):
    head, _, colour = line.rpartition(": ")
    seen[head.split()[0], head.split()[1]] = [int(value) for value in colour.split()]


def is_as_stored(version, space):
    return all(abs(a - b) <= 4 for a, b in zip(seen[version, space], (40, 170, 60)))


as_stored = {place: is_as_stored(*place) for place in seen}
wanted = {("16.1.0", "BT.709"): False, ("16.1.0", "BT.601"): True, ("17.1.0", "BT.709"): True, ("17.1.0", "BT.601"): True}
sys.exit("changed" if as_stored != wanted else 0)
PY
