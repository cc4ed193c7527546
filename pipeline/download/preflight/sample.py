"""Which URLs stand for a selection: a selection folder in, some of its URLs out, the same at each call."""

from dataclasses import dataclass
from typing import TypeVar

import pyarrow.compute as pc

from pipeline.download.shard.plan import ShardPlan, shard_plans
from schemas.storage import Folder
from schemas.tables import read_table

Item = TypeVar("Item")

NUM_URLS = 200

MAX_FILES = 20
"""Files of the selection that are read."""


@dataclass(frozen=True)
class Sample:
    """Some URLs, and how many rows stand behind them."""

    urls: list[str]
    num_local: int
    """Rows of the files read whose images are here or stored already, and are not asked for."""


def sample_urls(selection: Folder, num_urls: int = NUM_URLS) -> Sample:
    """Return up to `num_urls` different URLs of `selection`, from files and rows that lie evenly over it.

    Rows are sorted by a hash of their URL, so even places are as good as drawn ones.
    """
    plans = spread(shard_plans(selection, 0), MAX_FILES)
    urls: dict[str, None] = {}
    num_local = 0
    for place, plan in enumerate(plans):
        wanted = -(-(num_urls - len(urls)) // (len(plans) - place))
        found, local = _urls_of(selection, plan)
        num_local += local
        urls.update(dict.fromkeys(spread(found, wanted)))
    return Sample(list(urls)[:num_urls], num_local)


def _urls_of(selection: Folder, plan: ShardPlan) -> tuple[list[str], int]:
    table = read_table(selection, plan.file, columns=["url", "image_ref", "stored"], record=plan.record)
    fetched = pc.and_(table["image_ref"].is_null(), pc.invert(pc.fill_null(table["stored"], False)))
    remote = table.filter(fetched)
    urls = remote["url"].unique().to_pylist()
    return [url for url in urls if url is not None], len(table) - len(remote)


def spread(items: list[Item], num: int) -> list[Item]:
    """Return `num` of `items` that lie evenly, all when there are fewer."""
    num = min(num, len(items))
    return [items[place * len(items) // num] for place in range(num)]
