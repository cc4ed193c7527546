#!/usr/bin/env bash
# litdata 0.2.76, Python 3.11: a state of the last third of an epoch is refused by a training that goes on with 3 workers
# in place of 2.
#
# litdata/streaming/elastic.py cuts what is left of an epoch anew for another world size, and a state of 20 batches goes
# on so. With 28 of 40 batches done, _validate_state_dict compares the samples that one worker of two has had (336) with
# the share of one worker of three (320): ValueError: "`num_samples_yielded` state is greater than the dataset length".
#
# Fails (exit 1) when that changes. Downloads torch.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
cat >"$folder/read.py" <<'PY'
import importlib.metadata
import os
import sys

from litdata import StreamingDataLoader, StreamingDataset, optimize

NUM_SAMPLES, GLOBAL_BATCH = 960, 24


def item(number):
    return {"id": number}


def loader(folder, workers):
    os.environ.update(WORLD_SIZE=str(workers), GLOBAL_RANK="0", NNODES="1")
    dataset = StreamingDataset(folder, shuffle=True, seed=7, drop_last=True)
    return StreamingDataLoader(dataset, batch_size=GLOBAL_BATCH // workers, shuffle=True)


def batches_after(folder, done):
    first = loader(folder, 2)
    for number, _ in enumerate(first, 1):
        if number == done:
            state = first.state_dict()
            break
    second = loader(folder, 3)
    try:
        second.load_state_dict(state)
        return sum(1 for _ in second)
    except ValueError as error:
        return repr(error)


if __name__ == "__main__":
    optimize(item, list(range(NUM_SAMPLES)), sys.argv[1], chunk_size=40, num_workers=1)
    for done in (20, 28):
        print(f"litdata {importlib.metadata.version('litdata')}: after {done}: {batches_after(sys.argv[1], done)}")
PY
"$folder/env/bin/pip" install -q litdata==0.2.76 torch==2.14.1 numpy==2.1.3
output=$(cd "$folder" && HOME=$folder "$folder/env/bin/python" read.py "$folder/data" 2>/dev/null | grep '^litdata')
printf '%s\n' "$output"
[[ $output == *"after 20: 20"*"after 28: ValueError"*"greater than the dataset length"* ]] || { echo changed; exit 1; }
