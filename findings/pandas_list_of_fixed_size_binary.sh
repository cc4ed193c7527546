#!/usr/bin/env bash
# pandas 2.3.3 and 3.1.1 with pyarrow 25.0.1, Python 3.11: read_parquet knows fixed-size binary, and no list of it.
#
# A column of 16-byte ids (fixed_size_binary[16]) is read as bytes; a column of lists of such ids raises
# "ArrowNotImplementedError: Not implemented type for Arrow list to pandas: fixed_size_binary[16]", so the whole file
# cannot be read without options. The same ids as list<binary> are read. pyarrow, which wrote them, reads all three.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
cat >"$folder/read.py" <<'PY'
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

identity, found = pa.binary(16), {}
for name, kind in (("plain", identity), ("list", pa.list_(identity)), ("list_of_binary", pa.list_(pa.binary()))):
    value = bytes(16) if name == "plain" else [bytes(16)]
    pq.write_table(pa.table({"ids": pa.array([value], kind)}), sys.argv[1])
    try:
        found[name] = type(pd.read_parquet(sys.argv[1])["ids"][0]).__name__
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
print("pandas", pd.__version__, found)
sys.exit(not (found["plain"] == "bytes" and "fixed_size_binary" in found["list"] and found["list_of_binary"] == "ndarray"))
PY
for version in 2.3.3 3.1.1; do
  "$folder/env/bin/pip" install -q "pandas==$version" pyarrow==25.0.1
  "$folder/env/bin/python" "$folder/read.py" "$folder/a.parquet" || { echo changed; exit 1; }
done
