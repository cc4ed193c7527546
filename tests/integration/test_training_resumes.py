"""Whole trainings under torchrun and Ray, killed: every update sees the samples it always sees, and weights are equal.

`tests/support/resumption/training.py` logs which samples reached an update. Weights are compared to the bit with those
of an undisturbed training on as many workers: sums of gradients over other numbers of workers round otherwise.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from tests.support.process_tree import NEEDS_PROC, wait_until_gone
from tests.support.resumption.training import Kill, Told, train_here
from tests.support.shard_server import serving
from tests.support.small_shards import picture, write_tar
from tests.support.waiting import PATIENCE_S
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.workers.distributed import World

PROGRAM = Path(__file__).parents[1] / "support" / "resumption" / "training.py"
SHARDS = (13, 1, 0, 9)
"""Samples of each: 23 an epoch, so that batches of 6 lie across its ends."""
BATCH, EPOCHS = 6, 3
STEPS = sum(SHARDS) * EPOCHS // BATCH
ACROSS, END = 4, 8
"""The batch across the first two epochs; the last one that ends in the second."""
MAX_STATE_BYTES = 1_024
RAY_GAVE_UP, STARTS_OF_RAY = "The current node timed out during startup", 20
"""Ray waits 30 s for its own processes, which no setting changes; nothing has begun then."""

pytestmark = NEEDS_PROC


@dataclass(frozen=True)
class Attempt:
    """A start of the training: how many workers, loader processes of each, steps between checkpoints, and who dies."""

    workers: int
    loader_processes: int = 0
    save_every: int = 2
    kill: Kill | None = None


@dataclass(frozen=True)
class Schedule:
    """Attempts, of which nobody kills the last."""

    attempts: tuple[Attempt, ...]
    launcher: str = "torchrun"
    remote: bool = False
    """The shards come over HTTP."""


def killed(victim: str, rank: int, step: int, moment: str, delay_s: float = 0.0) -> Kill:
    return Kill(victim, rank, step, moment, delay_s)


SCHEDULES = {
    "loader": Schedule((Attempt(1, 1, kill=killed("loader", 0, 5, "after")), Attempt(1))),
    "step 0": Schedule((Attempt(2, kill=killed("worker", 1, 1, "before")), Attempt(2))),
    "first step": Schedule((Attempt(2, save_every=1, kill=killed("worker", 0, 1, "soon", 0.016)), Attempt(2))),
    "across two epochs": Schedule((Attempt(2, kill=killed("worker", 0, ACROSS, "after")), Attempt(2, 1))),
    "end of an epoch": Schedule(
        (Attempt(3, kill=killed("worker", 2, END, "before")), Attempt(3, 1, kill=killed("worker", 0, 9, "after")),
         Attempt(3))
    ),
    "last step": Schedule((Attempt(2, 2, save_every=3, kill=killed("worker", 0, STEPS, "soon", 0.004)), Attempt(2))),
    "before the last step": Schedule((Attempt(2, kill=killed("worker", 1, STEPS, "before")), Attempt(2))),
    "loader of one of two": Schedule((Attempt(2, 1, kill=killed("loader", 1, 3, "before")), Attempt(2, 1))),
    "other workers": Schedule(
        (Attempt(1, 2, kill=killed("worker", 0, 3, "after")), Attempt(3, kill=killed("worker", 1, 7, "soon", 0.001)),
         Attempt(2, 1))
    ),
    "other loader processes": Schedule(
        (Attempt(1, 3, kill=killed("loader", 0, 3, "before")), Attempt(1, 0, kill=killed("worker", 0, 6, "before")),
         Attempt(1, 2, kill=killed("loader", 0, 5, "before")), Attempt(1, 1))
    ),
    "over HTTP": Schedule(
        (Attempt(1, 2, kill=killed("worker", 0, 4, "soon", 0.001)), Attempt(2, 0, kill=killed("worker", 0, 6, "after")),
         Attempt(1, 1, kill=killed("loader", 0, 7, "before")), Attempt(3)),
        remote=True,
    ),
    "launcher": Schedule((Attempt(2, kill=killed("launcher", 0, 5, "after")), Attempt(2))),
    "worker under Ray": Schedule((Attempt(2, kill=killed("worker", 1, ACROSS, "after")),), "ray"),
    "loader under Ray": Schedule((Attempt(2, 1, kill=killed("loader", 0, 5, "before")),), "ray"),
    "launcher of Ray": Schedule((Attempt(2, kill=killed("launcher", 0, 7, "after")), Attempt(2, 1)), "ray"),
    "Ray, other workers": Schedule((Attempt(1, 1, kill=killed("launcher", 0, 3, "after")), Attempt(3)), "ray"),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``shards``, where undisturbed trainings are kept for all schedules."""
    root = tmp_path_factory.mktemp("training")
    (root / "shards").mkdir()
    first = 0
    for number, size in enumerate(SHARDS):
        members = []
        for key in range(first, first + size):
            image = picture(key, 72)
            members.append((f"{key:06d}.png", image[:40] if key == 7 else image))
            members.append((f"{key:06d}.txt", b"picture %d" % key))
        write_tar(root / "shards" / f"{number:05d}.tar", members)
        first += size
    return root


def told(shards: str, folder: Path, seen: str, attempt: Attempt, failures: int = 2) -> Told:
    (folder / seen).mkdir(parents=True)
    (folder / "blocks").mkdir(exist_ok=True)
    options = {
        "shards": [shards], "output": str(folder / "output"), "model": "vit-tiny", "epochs": float(EPOCHS),
        "global_batch_size": BATCH, "warmup_steps": 2, "device": "cpu", "decode_threads": 1,
        "num_workers": attempt.workers, "loader_processes": attempt.loader_processes, "log_every_steps": 1,
        "checkpoint_every_steps": attempt.save_every, "cache_dir": str(folder / "blocks"), "max_failures": failures,
    }  # fmt: skip
    return Told(options, str(folder / seen), attempt.kill)


def start(launcher: str, what: Told, workers: int) -> tuple[int, str]:
    """Run a training until its launcher ends; return the exit code, and what was told."""
    of_torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}"]
    command = [sys.executable, *(of_torchrun if launcher == "torchrun" else []), str(PROGRAM)]
    path = Path(what.seen) / "told.txt"
    for _ in range(STARTS_OF_RAY):
        with path.open("w") as sink:
            done = subprocess.run(
                command, env=what.environment(), stdout=sink, stderr=subprocess.STDOUT, check=False, timeout=PATIENCE_S
            )
        text = path.read_text(errors="replace")
        if RAY_GAVE_UP not in text:
            break
    return done.returncode, text


def undisturbed(workers: int, root: Path) -> Path:
    """Return the folder of a training that nobody disturbs: one worker in this process, several by torchrun."""
    folder = root / f"whole-{workers}"
    if not folder.exists():
        what = told(str(root / "shards"), folder, "seen", Attempt(workers))
        if workers == 1:
            train_here(what, World(0, 1, torch.device("cpu")))
        else:
            code, text = start("torchrun", what, workers)
            assert code == 0, text[-3000:]
    return folder


Update = tuple[int, int]
"""Step and row."""


def updates(seen: Path) -> dict[Update, int]:
    """Return the id of each row of each step that reached an update.

    Raises AssertionError where two workers logged other ids for a row, or one leaves out a step.
    """
    found: dict[Update, int] = {}
    for path in sorted(seen.glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().split("\n")[:-1]]
        assert [line[0] for line in lines] == [lines[0][0] + number for number in range(len(lines))]
        for step, first, ids in lines[1:]:
            for row, name in enumerate(ids, first):
                assert found.setdefault((step, row), name) == name, (path.name, step, row)
    return found


def workers_of(seen: Path) -> list[int]:
    """Return the processes of the workers that began."""
    texts = [path.read_text() for path in seen.glob("*.jsonl")]
    return [json.loads(text.split("\n")[0])[1] for text in texts if "\n" in text]


def curve(output: Path) -> list[str]:
    """Return step, loss and learning rate of each row: no clocks."""
    lines = [line.split(",") for line in (output / "metrics.csv").read_text().splitlines()]
    return [f"{line[0]} {line[3]} {line[5]}" for line in lines]


def carry_out(schedule: Schedule, folder: Path, shards: str) -> list[dict[Update, int]]:
    """Make the attempts; return the updates of each.

    Raises AssertionError when one ends otherwise than its kill says, or leaves blocks that nobody takes over.
    """
    found = []
    for number, attempt in enumerate(schedule.attempts):
        what = told(shards, folder, f"seen-{number}", attempt)
        code, text = start(schedule.launcher, what, attempt.workers)
        wait_until_gone(workers_of(folder / f"seen-{number}"))
        restarts = schedule.launcher == "ray" and attempt.kill is not None and attempt.kill.victim != "launcher"
        assert (code == 0) == (attempt.kill is None or restarts), (number, code, text[-3000:])
        assert (folder / f"seen-{number}" / "killed").exists() == (attempt.kill is not None)
        if attempt.kill is not None and attempt.kill.victim == "loader" and not restarts:
            assert "was ended by SIGKILL" in text
            assert "run the same command again to go on from the last checkpoint" in text
        left = list((folder / "blocks").iterdir())
        # What a killed attempt leaves of its set is taken over by the next.
        assert len(left) <= (attempt.kill is not None and not restarts), (number, left)
        found.append(updates(folder / f"seen-{number}"))
    return found


CASES = [pytest.param(schedule, id=name, marks=pytest.mark.slow) for name, schedule in SCHEDULES.items()]


@pytest.mark.parametrize("schedule", CASES)
def test_a_killed_training_sees_and_learns_what_an_undisturbed_one_does(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: Schedule
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    with serving(root) as web:
        shards = f"{web.url}/shards" if schedule.remote else str(root / "shards")
        attempts = carry_out(schedule, tmp_path / "run", shards)
    whole = updates(undisturbed(1, root) / "seen")
    assert whole.keys() == {(step, row) for step in range(1, STEPS + 1) for row in range(BATCH)}
    taken: dict[Update, int] = {}
    for seen in attempts:
        assert {place: name for place, name in seen.items() if whole[place] != name} == {}
        taken |= seen
    assert taken == whole
    output = tmp_path / "run" / "output"
    assert (output / MANIFEST_FILE).exists()
    for step in find_checkpoints(Folder(str(output))):
        assert (output / "checkpoints" / f"step-{step:07d}" / "state.json").stat().st_size <= MAX_STATE_BYTES
    workers = {attempt.workers for attempt in schedule.attempts}
    if len(workers) == 1:
        expected = undisturbed(workers.pop(), root) / "output"
        assert curve(output) == curve(expected)
        wanted, found = (load_file(one / "final" / "model.safetensors") for one in (expected, output))
        assert wanted.keys() == found.keys()
        assert all(torch.equal(wanted[name], found[name]) for name in wanted)
