"""The options of `pipeline reshard`."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_between
from schemas.run_options import NotIdentity

MAX_SAMPLES = 1_000_000
"""Of a tar: a worker holds the rows of one, about 2 KB each."""


@dataclass(frozen=True, kw_only=True)
class ReshardConfig(OptionGroup):
    """Copy finished shards into a new folder whose tars hold equal numbers of samples, the last one fewer.

    Bytes of images are copied as they are. Samples that removals.parquet names are left out, further captions are
    folded into their samples, rows of images that failed go along.
    """

    shards: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]]
    """Finished folders of `pipeline download` in the format webdataset. A sample that stands in several is kept once:
    the first."""

    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """New folder of shards; or one that the same command began: it goes on."""

    samples_per_shard: int
    """Samples in each tar but the last."""

    shuffle_seed: int | None = None
    """Order all samples by a hash of this seed and their image_id; without it they keep their order (shard, place)."""

    def _check(self) -> None:
        if not self.shards:
            raise ValueError("expected folders of shards, found none: --shards DIR [DIR ...]")
        check_between(self, samples_per_shard=(1, MAX_SAMPLES), shuffle_seed=(0, 2**64 - 1))
