"""``trainer embed --num-workers N``: the parts of a folder made by N tasks of Ray, on one machine or on a cluster.

A task has each N-th part, as a process with `--part` has. One that is lost with its machine is run again by Ray; the
parts that it made are kept.
"""

import io
import os
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import Any

import ray
import torch
from tqdm import tqdm

from schemas.checked import first_line
from schemas.storage import Folder
from trainer.embed.config import EmbedConfig
from trainer.embed.items import open_items
from trainer.embed.job import embed
from trainer.workers.placement import FIRST_TOLD_S, TOLD_AGAIN_S
from trainer.workers.ray_session import describe_cluster_wait, refuse_relative_paths, start_ray

LOOK_EVERY_S = 0.5
MAX_RETRIES = 3
"""Of a task that was lost with its process or machine; what is wrong with the input is not tried again."""
PATHS = ("checkpoint", "images", "texts", "shards", "output")


class Counter:
    """An actor that adds up what the tasks tell."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, int]] = {}

    def tell(self, task: int, rows: int, total_rows: int) -> None:
        """Take what `task` has done of what it has to do; one that began anew has less of both."""
        self._told[task] = (rows, total_rows)

    def read(self) -> tuple[int, int]:
        """Return (rows that are done, rows that there will be), of the tasks that have begun."""
        return sum(rows for rows, _ in self._told.values()), sum(total for _, total in self._told.values())


def embed_by_ray(config: EmbedConfig) -> dict[str, Any]:
    """Make all parts and finish the folder; return the summary. Raises ValueError or OSError, as `embed` does."""
    named = [(f"--{name}", getattr(config, name)) for name in PATHS]
    refuse_relative_paths((option, path) for option, path in named if path is not None)
    # Looked at before Ray starts: what is not there is told at once.
    open_items(
        config.images, config.texts, config.shards, config.part_rows, Folder(config.output), of=config.of,
        threads=config.num_threads,
    )  # fmt: skip
    num_cpus = config.num_workers * config.num_threads
    start_ray(num_cpus, config.num_threads, otherwise="without --num-workers")
    try:
        given = {"CPU": float(config.num_threads), "GPU": float(_takes_gpus(config.device))}
        told = _follow(config, given)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise OSError(
            f"Ray lost what it embeds with: {first_line(error)}; the same command goes on with what is left"
        ) from error
    finally:
        ray.shutdown()
    for summary, out, err in told:
        if summary:
            Folder(config.output).delete_temporaries()  # of tasks that were lost
            print(err, end="", file=sys.stderr)
            print(out, end="")
            return summary
    raise OSError(f"{config.output} was changed while it was made: give the same command again")


def _takes_gpus(device: str) -> bool:
    if device == "auto":
        return bool(ray.cluster_resources().get("GPU")) if "RAY_ADDRESS" in os.environ else torch.cuda.is_available()
    return device.startswith("cuda")


def _follow(config: EmbedConfig, given: dict[str, float]) -> list[tuple[dict[str, Any], str, str]]:
    """Run the tasks and show how far they are; return what each says."""
    counter: Any = ray.remote(num_cpus=0)(Counter).remote()
    remote = ray.remote(num_cpus=given["CPU"], num_gpus=given["GPU"], max_retries=MAX_RETRIES)(_embed_share)
    device = "cuda" if given["GPU"] else "cpu"
    tasks = [
        remote.remote(replace(config, device=device, num_workers=0, threads=config.num_threads,
                              part=f"{number}/{config.num_workers}"), counter, number)
        for number in range(1, config.num_workers + 1)
    ]  # fmt: skip
    left, start_s, tell_at_s = tasks, time.monotonic(), FIRST_TOLD_S
    with tqdm(unit=" rows", unit_scale=True, desc="embed", disable=None) as bar:
        while left:
            _, left = ray.wait(left, num_returns=len(left), timeout=LOOK_EVERY_S)
            done, bar.total = ray.get(counter.read.remote())
            bar.update(done - bar.n)
            waited_s = time.monotonic() - start_s
            if not bar.total and len(left) == len(tasks) and waited_s > tell_at_s:
                tell_at_s = waited_s + TOLD_AGAIN_S
                print(describe_cluster_wait(waited_s, config.num_workers, given), file=sys.stderr)
            if len(left) < len(tasks):
                ray.get([task for task in tasks if task not in left])  # what failed ends the others
    return ray.get(tasks)


def _embed_share(config: EmbedConfig, counter: Any, task: int) -> tuple[dict[str, Any], str, str]:
    """Make a share of the parts; return the summary, empty unless this finishes the folder, and what it says."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        summary = embed(config, lambda rows, total: counter.tell.remote(task, rows, total))
    return summary, out.getvalue(), err.getvalue()
