"""The one adapter between the loop and Ray: what runs in each Ray worker, and how its progress comes back."""

import logging
from typing import Any

import ray.train

from trainer.config import TrainConfig
from trainer.distributed import join_world
from trainer.loop import train
from trainer.metrics import Metrics
from trainer.reporter import Reporter, Silent


class Mailbox:
    """An actor without CPU that carries the workers' progress to the launcher's console."""

    def __init__(self) -> None:
        self._letters: list[tuple[str, dict[str, Any]]] = []

    def put(self, call: str, arguments: dict[str, Any]) -> None:
        self._letters.append((call, arguments))

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        letters, self._letters = self._letters, []
        return letters


class ToMailbox:
    """A reporter whose calls are made again on the launcher's console; never waits for it."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        arguments = {"done_samples": done_samples, "total_samples": total_samples, "title": title}
        self._mailbox.put.remote("start", arguments)

    def progress(self, metrics: Metrics) -> None:
        self._mailbox.put.remote("progress", {"metrics": metrics})

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        self._mailbox.put.remote("work", {"title": title, "done_bytes": done_bytes, "total_bytes": total_bytes})

    def message(self, text: str) -> None:
        self._mailbox.put.remote("message", {"text": text})

    def close(self) -> None:
        pass


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
    metrics = train(config, world, reporter if world.first else Silent())
    ray.train.report({"loss": metrics.loss, "samples_per_s": metrics.samples_per_s} if metrics else {})
