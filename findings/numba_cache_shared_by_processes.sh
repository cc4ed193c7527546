#!/usr/bin/env bash
# numba 0.68.1, Python 3.11: two processes that save one cached function for two types can leave the one type with the
# other type's machine code, and the next process gets a wrong result, without a word.
#
# `@njit(cache=True)` writes an index (types -> name of a data file) and then the data file, each whole, but without a
# lock: both processes read an index without entries, both choose the name "1", the last index says 1 is for floats, the
# last data file written holds the code for integers. A third process asks for twice 1.5 and is told 2. The pauses below
# stand for what a scheduler may do between two system calls; the machine code and the files are numba's own.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q numba==0.68.1 numpy==2.4.6
cat >"$folder/kernel.py" <<'PY'
from numba import njit


@njit(cache=True)
def twice(x):
    return x + x
PY
cat >"$folder/save.py" <<'PY'
import sys
import time
from pathlib import Path

from numba.core.caching import IndexDataCacheFile as CacheFile

here = Path(__file__).parent


def pausing(step, wait_for, tell):
    def paused(self, *arguments):
        while wait_for and not (here / wait_for).exists():
            time.sleep(0.01)
        result = step(self, *arguments)
        if tell:
            (here / tell).touch()
        return result

    return paused


if sys.argv[1] == "integers":
    CacheFile._save_index = pausing(CacheFile._save_index, "floats-read-the-index", "integers-are-in-the-index")
    CacheFile._save_data = pausing(CacheFile._save_data, "floats-are-saved", None)
    argument = 1
else:
    argument = 1.5
    CacheFile._save_index = pausing(CacheFile._save_index, "integers-are-in-the-index", None)
    CacheFile._save_data = pausing(CacheFile._save_data, None, "floats-are-saved")
    read = CacheFile.save

    def save(self, key, data):
        load = CacheFile._load_index

        def noted(this):
            found = load(this)
            (here / "floats-read-the-index").touch()
            return found

        CacheFile._load_index = noted
        read(self, key, data)

    CacheFile.save = save
from kernel import twice

print(sys.argv[1], twice(argument))
PY
cd "$folder"
env/bin/python save.py integers &
env/bin/python save.py floats
wait
found=$(env/bin/python -c 'from kernel import twice; print("twice 1.5 is", twice(1.5))')
echo "$found"
[[ $found != "twice 1.5 is 3.0" ]] || { echo changed; exit 1; }
