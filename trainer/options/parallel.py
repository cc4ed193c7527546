"""What of a training each worker holds."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class ParallelOptions(OptionGroup):
    """What of a training each worker holds."""

    parallel: NotIdentity[Literal["ddp", "fsdp"]] = "ddp"
    """ddp: all weights and statistics on each worker; fsdp: a share of them (ZeRO-3, arXiv 1910.02054), each block's
    weights gathered while it runs. The same function; may change between a run and its resumption."""
