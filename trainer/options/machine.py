"""Which workers, on what."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity
from trainer.workers.counts import WorkersOption, check_workers, format_workers


@dataclass(frozen=True, kw_only=True)
class MachineOptions(OptionGroup):
    """Which workers, on what."""

    num_workers: NotIdentity[WorkersOption] = 1
    """Number of Ray workers, may change between a run and its resumption; with 4:8 the run starts with 4 and goes on
    with up to 8 as the cluster has them: from the last checkpoint each time, on the same samples."""
    launcher: NotIdentity[Literal["auto", "ray", "none"]] = "auto"
    """ray: Ray starts the workers; none: this process is one, alone or of those that `torchrun` started; auto: none
    under `torchrun`, else ray."""
    device: NotIdentity[Literal["auto", "cpu", "cuda"]] = "auto"
    """auto takes GPUs when the machine that starts the run has one."""
    cpus_per_worker: NotIdentity[int] = 0
    """Ray CPUs, and compute threads, of each worker; 0: its share of the CPUs of its GPU's machine, 1 without GPUs."""
    max_failures: NotIdentity[int] = 2
    """How often Ray restarts the workers from the last checkpoint before the run fails; nodes that were preempted do
    not count."""
    resize_every_s: NotIdentity[float] = 60.0
    """With 4:8 workers: how often Ray looks whether there are machines for more."""
    stall_s: NotIdentity[float] = 900.0
    """A run whose workers all wait for one is ended after so long: the one is named and killed, which counts as a
    failure. 0: never. More than the longest step, and a checkpoint's reading, take."""
    start_timeout_s: NotIdentity[float] = 0.0
    """A run for which Ray has had no workers for so long ends, and says what was missing. 0: never, since a cluster may
    grow; it says so after a minute, and then each ten minutes."""
    collective_timeout_s: NotIdentity[float] = 1_800.0
    """Seconds that a worker waits for the others before the run fails. The first one may index hundreds of millions of
    samples meanwhile."""

    def _check(self) -> None:
        check_at_least(
            self,
            {
                "cpus_per_worker": 0,
                "max_failures": 0,
                "stall_s": 0,
                "resize_every_s": 0,
                "start_timeout_s": 0,
                "collective_timeout_s": 1,
            },
        )
        for name in ("resize_every_s", "collective_timeout_s"):
            if getattr(self, name) == float("inf"):
                raise ValueError(f"{name} must be finite, found inf")
        check_workers("num_workers", self.num_workers)
        if self.launcher == "none" and self.num_workers != 1:
            raise ValueError(
                "num_workers is for Ray; with launcher none torchrun --nproc-per-node says how many, found "
                f"{format_workers(self.num_workers)}"
            )
