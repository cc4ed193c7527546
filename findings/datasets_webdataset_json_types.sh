#!/usr/bin/env bash
# datasets 5.2.0, Python 3.11: WebDataset's .json is typed by the first samples; what does not fit later is cut, silently.
#
# load_dataset("webdataset") infers the type of each member from the first five samples and casts the rest to it. With a
# valid tar whose .json differs later: a score that was a whole number before and is 9.5 then comes out as 9, and a key
# that appears later is gone. No error, no warning.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q datasets==5.2.0
HF_HUB_OFFLINE=1 HF_HOME=$folder/home "$folder/env/bin/python" - "$folder" <<'PY'
import io
import json
import sys
import tarfile

from datasets import load_dataset
from datasets.utils.logging import disable_progress_bar

disable_progress_bar()
folder = sys.argv[1]


def read(name, first, later):
    """The last of eight samples, of which the first six hold `first` and the others `later`."""
    with tarfile.open(f"{folder}/{name}.tar", "w") as tar:
        for number in range(8):
            for suffix, body in (("txt", b"a red cat"), ("json", json.dumps(first if number < 6 else later).encode())):
                member = tarfile.TarInfo(f"{number:04d}.{suffix}")
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
    return list(load_dataset("webdataset", data_files=f"{folder}/{name}.tar", split="train", streaming=True))[-1]["json"]


seen = {
    "whole numbers, then 9.5": read("number", {"score": 1}, {"score": 9.5}),
    "a key that comes later": read("key", {"score": 1}, {"score": 1, "license": "CC0"}),
}
for name, value in seen.items():
    print(f"{name}: {value}")
sys.exit(list(seen.values()) != [{"score": 9}, {"score": 1}] and "changed")
PY
