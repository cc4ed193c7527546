#!/usr/bin/env bash
# open_clip_torch 3.3.0 with webdataset 0.2.111, Python 3.11: its grouping of members fails at the end of every shard.
#
# open_clip's plain package does not ask for a webdataset; its extra "training" asks for <= 0.2.86, so pip objects to no
# newer one. Newer ones yield an empty record at the end of each tar (eof_value of tar_file_expander), and open_clip's own
# group_by_keys_nothrow, which training reads shards through, raises KeyError('fname') on it. With 0.2.86 the same tar
# gives its samples.
#
# Fails (exit 1) when that changes. Downloads torch.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
cat >"$folder/read.py" <<'PY'
import io
import sys
import tarfile

import webdataset
from open_clip_train.data import group_by_keys_nothrow

errors = []


def note(error):
    errors.append(repr(error))
    return True


path = sys.argv[1]
with tarfile.open(path, "w") as tar:
    for number in range(4):
        for suffix in ("jpg", "txt"):
            member = tarfile.TarInfo(f"{number:04d}.{suffix}")
            member.size = 3
            tar.addfile(member, io.BytesIO(b"abc"))
files = webdataset.tariterators.tar_file_expander(
    webdataset.tariterators.url_opener([{"url": path}], handler=note), handler=note
)
try:
    samples = len(list(group_by_keys_nothrow(files, handler=note)))
except KeyError as error:
    samples, errors = 0, [repr(error)]
print(f"webdataset {webdataset.__version__}: {samples} samples, errors {errors}")
PY
"$folder/env/bin/pip" install -q open_clip_torch==3.3.0 webdataset==0.2.86 pandas braceexpand
old=$("$folder/env/bin/python" "$folder/read.py" "$folder/a.tar")
"$folder/env/bin/pip" install -q webdataset==0.2.111
new=$("$folder/env/bin/python" "$folder/read.py" "$folder/a.tar")
printf '%s\n' "$old" "$new"
[[ $old == *"4 samples, errors []" && $new == *"0 samples"*fname* ]] || { echo changed; exit 1; }
