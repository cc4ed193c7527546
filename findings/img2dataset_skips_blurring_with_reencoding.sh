#!/usr/bin/env bash
# img2dataset 1.47.0, Python 3.11: skip_reencode=True stores images unblurred where bbox_col asks for blurring.
#
# blurring boxes (bbox_col) hide faces. With skip_reencode=True a JPEG that needs no resize is stored as it was fetched:
# the blurred pixels are made, and thrown away, because blurring does not mark the image as one to encode. Status is
# success, nothing is logged. Without skip_reencode the same image is stored blurred.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q img2dataset==1.47.0 'setuptools<81'
cat > "$folder/run.py" <<'PY'
import functools
import http.server
import os
import sys
import threading

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from img2dataset import download

if __name__ == "__main__":
    folder = sys.argv[1]
    os.mkdir(f"{folder}/web")
    board = (np.indices((128, 128)).sum(axis=0) // 8 % 2 * 255).astype(np.uint8)
    picture = cv2.cvtColor(board, cv2.COLOR_GRAY2BGR)
    cv2.imwrite(f"{folder}/web/a.jpg", picture)
    fetched = open(f"{folder}/web/a.jpg", "rb").read()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=f"{folder}/web")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pq.write_table(
        pa.table({"url": [f"http://127.0.0.1:{server.server_port}/a.jpg"], "boxes": [[[0.25, 0.25, 0.75, 0.75]]]}),
        f"{folder}/urls.parquet",
    )
    seen = {}
    for skips in (False, True):
        output = f"{folder}/out-{skips}"
        download(
            url_list=f"{folder}/urls.parquet", input_format="parquet", url_col="url", bbox_col="boxes",
            output_folder=output, output_format="files", image_size=256, resize_mode="keep_ratio",
            resize_only_if_bigger=True, skip_reencode=skips, processes_count=1, thread_count=1,
        )
        assert pq.read_table(f"{output}/00000.parquet")["status"].to_pylist() == ["success"]
        stored = open(f"{output}/00000/000000000.jpg", "rb").read()
        change = np.abs(cv2.imdecode(np.frombuffer(stored, np.uint8), 1)[48:80, 48:80].astype(int) - picture[48:80, 48:80])
        seen[skips] = bool(change.mean() > 30), stored == fetched
        print(f"skip_reencode={skips}: blurred {seen[skips][0]}, the bytes as fetched {seen[skips][1]}", flush=True)
    sys.exit(seen != {False: (True, False), True: (False, True)} and "changed")
PY
"$folder/env/bin/python" "$folder/run.py" "$folder"
