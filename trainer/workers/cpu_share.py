"""How many CPUs a worker has where no option says so: its share of those of its GPU's machine; one beside no GPU.

Without GPUs the number of compute threads decides in which order sums are made, so it is the same on every machine
until somebody asks for more.
"""

import dataclasses
import os

from trainer.config import TrainConfig
from trainer.workers.distributed import World

MIN_DECODE_THREADS = 2


def usable_cpus() -> int:
    """Return the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_cpus(config: TrainConfig, cpus: int, workers: int) -> TrainConfig:
    """Return the config with the CPUs of a worker where it gives none: `workers` of them share `cpus`."""
    if config.cpus_per_worker:
        return config
    share = max(1, cpus // workers) if config.device == "cuda" else 1
    return dataclasses.replace(config, cpus_per_worker=share)


def with_threads(config: TrainConfig, world: World) -> TrainConfig:
    """Return the config with CPUs and threads of this worker where it gives none."""
    device = world.device.type
    config = dataclasses.replace(config, device="cuda" if device == "cuda" else "cpu")
    config = with_cpus(config, usable_cpus(), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    decode_threads = config.decode_threads or max(MIN_DECODE_THREADS, config.cpus_per_worker)
    return dataclasses.replace(config, decode_threads=decode_threads)
