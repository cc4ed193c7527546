"""Everything that is needed to repeat a run: ``OUTPUT/environment.json``, an entry for each time it was started.

It tells of machines, so it is none of the files that the manifest of a finished run holds: equal runs stay equal.
"""

import dataclasses
import logging
import os
import platform
import subprocess
from importlib.metadata import distributions
from typing import Any

import torch

from schemas.run_record import RUN_FILE
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.workers.distributed import World
from trainer.workers.environment import REPOSITORY

logger = logging.getLogger(__name__)

ENVIRONMENT_FILE = "environment.json"
MAX_STARTS = 100
"""The latest are kept."""


def command_line(config: TrainConfig) -> list[str]:
    """Return the arguments of ``trainer/run.py`` that give this config: whatever started it, they start it again."""
    arguments = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value == field.default:
            continue
        option = "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            arguments += [option, *map(str, value)]
        else:
            arguments += [option, str(value)]
    return arguments


def write_environment(folder: Folder, config: TrainConfig, world: World, step: int) -> None:
    """Add this start, at `step`, to the file, by the first worker."""
    if not world.first:
        return
    starts: list[Any] = []
    if folder.exists(ENVIRONMENT_FILE):
        starts = _starts(folder)
    record = folder.read_json(RUN_FILE)
    starts.append(
        {
            "command": ["trainer/run.py", *command_line(config)],
            "config": dataclasses.asdict(config),
            "step": step,
            "workers": world.size,
            "inputs": record.get("inputs"),
            "identity": record.get("identity"),
            "git": _git(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]},
            "hardware": _hardware(world),
        }
    )
    folder.write_json(ENVIRONMENT_FILE, {"starts": starts[-MAX_STARTS:]})


def _starts(folder: Folder) -> list[Any]:
    """Return the earlier starts; none of a damaged file, which is put aside: no step of a run depends on it."""
    try:
        found = folder.read_json(ENVIRONMENT_FILE).get("starts")
    except ValueError as error:
        folder.copy(ENVIRONMENT_FILE, f"{ENVIRONMENT_FILE}.damaged")
        logger.warning("%s; it is kept as %s.damaged, this start begins another", error, ENVIRONMENT_FILE)
        return []
    return found if isinstance(found, list) else []


def _git() -> dict[str, Any] | None:
    """Return the commit of these sources, and whether files differ from it; None outside of a repository."""
    told = []
    for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(["git", "-C", REPOSITORY, *command], capture_output=True, text=True, check=False)
        except OSError:
            return None
        if done.returncode:
            return None
        told.append(done.stdout.strip())
    return {"commit": told[0], "changed": bool(told[1])}


def _hardware(world: World) -> dict[str, Any]:
    cuda = world.device.type == "cuda"
    return {
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        "device": torch.cuda.get_device_name(world.device) if cuda else world.device.type,
        "devices_here": torch.cuda.device_count() if cuda else 0,
        "cuda": torch.version.cuda if cuda else None,
    }
