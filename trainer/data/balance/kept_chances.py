"""The chances of a loader without a run's folder: in the user's cache, made by one process of a machine.

In: folders of shards, their indexes, the cap. Out: the folder that `prepare_chances` wrote to, named by what it was
made of.
"""

import hashlib
import json
from collections.abc import Sequence

from schemas.cache_home import cache_home
from schemas.storage import Folder
from schemas.stored_index import ShardIndex
from trainer.data.balance.chance_file import EXPECTED_FILE, IndexedFolder, check_has_counts, prepare_chances
from trainer.data.made_once import make_once
from trainer.data.open_data import ShardFolder, describe_inputs
from trainer.telling.reporter import Reporter

VERSION = 1
"""Of what lies in the folder; another is made anew."""


def kept_chances(
    folders: Sequence[ShardFolder], indexes: Sequence[ShardIndex], cap: int, threads: int, reporter: Reporter,
    kept_in: str | None,
) -> Folder:  # fmt: skip
    """Return the folder with the chances of all samples, in `kept_in` or the user's cache: 4 bytes a sample.

    Raises what `prepare_chances` and `make_once` raise.
    """
    check_has_counts([opened.folder for opened in folders])
    urls = [opened.folder.url for opened in folders]
    made_of = json.dumps([VERSION, urls, describe_inputs(folders), cap])
    name = hashlib.sha256(made_of.encode()).hexdigest()[:32]
    kept = Folder(kept_in or str(cache_home() / "online_balance")).sub(name)
    indexed = [IndexedFolder(opened.folder, index) for opened, index in zip(folders, indexes, strict=True)]
    make_once(kept, EXPECTED_FILE, lambda shown: prepare_chances(indexed, kept, cap, threads, shown), reporter)
    return kept
