"""Which workers, on what."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class MachineOptions(OptionGroup):
    """Which workers, on what."""

    num_workers: NotIdentity[int] = 1
    """Number of Ray workers; may change between a run and its resumption."""
    device: NotIdentity[Literal["auto", "cpu", "cuda"]] = "auto"
    """auto takes GPUs when the machine that starts the run has one."""
    cpus_per_worker: NotIdentity[int] = 1
    """Ray CPUs, and compute threads, of each worker."""
    max_failures: NotIdentity[int] = 2
    """How often Ray restarts the workers from the last checkpoint before the run fails."""

    def _check(self) -> None:
        check_at_least(self, {"num_workers": 1, "cpus_per_worker": 1, "max_failures": 0})
