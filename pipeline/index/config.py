"""The options of `pipeline index`."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class IndexConfig(OptionGroup):
    """Index folders of WebDataset tars (img2dataset's, DataComp's, any), so that training starts at once."""

    shards: NotIdentity[tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]]]
    """Folders of tars, or their URLs. The index goes beside the tars: DIR/shard_index.parquet."""

    output: NotIdentity[str] = ""
    """For one DIR that cannot be written to: a folder for its index. Give it to the trainer in place of DIR: --shards
    OUTPUT."""

    def _check(self) -> None:
        if not self.shards:
            raise ValueError("expected a folder of tars, found none: pipeline index DIR")
        if self.output and len(self.shards) > 1:
            raise ValueError(f"--output holds the index of one folder, found {len(self.shards)}: {self.shards[:2]}")
