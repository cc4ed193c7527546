"""How samples are read and decoded; nothing here changes a batch."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(OptionGroup):
    """How samples are read and decoded; nothing here changes a batch."""

    decode_threads: NotIdentity[int] = 0
    """Threads of each worker that decode images ahead, shared out to its loader processes; 0: one for each of its CPUs,
    at least 2."""
    loader_processes: NotIdentity[int | None] = None
    """Processes of each worker that read and decode; 0: threads of the worker itself. By default 2 with a GPU, where
    the interpreter's lock would hold up the training, and 0 on a CPU."""
    cache_bytes: NotIdentity[int] = 2**30
    """Memory of each worker for images already decoded and resized, used when those of all samples fit; else, and with
    0, they are decoded in every epoch."""
    cache_dir: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="DIR")]] = None
    """Local folder for what is read over the network; by default that of the system for temporary files."""
    read_ahead_bytes: NotIdentity[int] = 256 << 20
    """Bytes that each worker reads before they are needed: covers 200 ms to the first byte at 1 GB/s."""
    verify_checksums: NotIdentity[bool] = False
    """Before the run compare all shards with the SHA-256 that their folders' manifests note: each is read whole once
    more, shared out to the workers."""

    def _check(self) -> None:
        check_at_least(self, {"decode_threads": 0, "cache_bytes": 0, "read_ahead_bytes": 0, "loader_processes": 0})
