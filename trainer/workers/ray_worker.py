"""The one adapter between the loop and Ray: what runs in each Ray worker."""

import logging
from contextlib import suppress
from typing import Any

import ray
import ray.train

from trainer.config import TrainConfig
from trainer.loop import RunStopped, train
from trainer.telling.reporter import Reporter, Silent
from trainer.workers.distributed import World, join_world
from trainer.workers.interruption import Notice, agreed
from trainer.workers.ray_mailbox import BeatingPulse, ToMailbox


class RayNotices:
    """Nodes that Ray was told will go (spot instances, drains), once for each; SIGTERM to who started the run."""

    def __init__(self, world: World, mailbox: Any) -> None:
        self._world, self._mailbox = world, mailbox
        self._saved_for: frozenset[str] = frozenset()

    def asked(self) -> Notice:
        """Return STOP after a SIGTERM, SAVE for nodes that were not named before; a barrier of all workers."""
        told = ray.train.get_preemption_info()
        nodes = frozenset(told.preempted_node_ids) if told is not None else frozenset()
        is_new = not nodes <= self._saved_for
        self._saved_for |= nodes
        if agreed(self._world, self._world.first and self._is_to_stop()):
            return Notice.STOP
        return Notice.SAVE if is_new else Notice.NONE

    def _is_to_stop(self) -> bool:
        with suppress(ray.exceptions.RayError):  # who started the run is gone: Ray ends the workers
            return bool(ray.get(self._mailbox.is_to_stop.remote()))
        return False


class _LogToReporter(logging.Handler):
    """Sends warnings of the trainer's modules the way of the progress."""

    def __init__(self, reporter: Reporter, rank: int) -> None:
        super().__init__(logging.WARNING)
        self._reporter, self._rank = reporter, rank

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.message(f"worker {self._rank}: {record.getMessage()}")


def train_worker(arguments: dict[str, Any]) -> None:
    """Run the loop in one Ray worker; `arguments` holds the config and the mailbox."""
    config: TrainConfig = arguments["config"]
    world = join_world(use_gpu=config.device == "cuda")
    reporter = ToMailbox(arguments["mailbox"])
    logger = logging.getLogger("trainer")
    logger.handlers = [_LogToReporter(reporter, world.rank)]
    logger.propagate = False
    told = reporter if world.first else Silent()
    pulse = BeatingPulse(arguments["mailbox"], world.rank, world.size)
    notices = RayNotices(world, arguments["mailbox"])
    try:
        metrics = train(config, world, told, pulse, notices, ray.get(arguments["mailbox"].claim.remote()))
    except RunStopped as error:  # not raised: Ray would start the workers again
        told.stopped(str(error))
        metrics = None
    finally:
        pulse.close()
    arguments["mailbox"].ended.remote()
    ray.train.report({"loss": metrics.loss, "samples_per_s": metrics.samples_per_s} if metrics else {})
