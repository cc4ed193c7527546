"""What the files beside a checkpoint tell of its training: lines of Markdown out. No clock, no path, no machine.

OUTPUT/run.json             options, inputs by their hashes, versions of packages
OUTPUT/manifest.json        steps and samples of a finished run; a checkpoint's are in its state.json
OUTPUT/environment.json     the commit of the sources
OUTPUT/evaluations.csv      what was measured while it trained
SHARDS/manifest.json        pairs and queries, where the shards still lie where they were trained on
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from schemas.json_object import JsonObject
from schemas.manifest import manifest_sha256
from schemas.run_record import MANIFEST_FILE, RUN_FILE, read_run
from schemas.storage import Folder
from trainer.record.run_environment import ENVIRONMENT_FILE
from trainer.saving.checkpoint_folders import CHECKPOINTS
from trainer.saving.written_files import FINAL, FINAL_EMA, STATE_FILE
from trainer.telling.markdown import cell, table_lines
from trainer.telling.metrics import EVALUATIONS_FILE


def find_run(checkpoint: Folder) -> Folder | None:
    """Return the folder of the run that wrote `checkpoint`; None where it lies in none."""
    parent, _, name = checkpoint.url.rpartition("/")
    run, _, inside = parent.rpartition("/")
    found = Folder(parent) if name in (FINAL, FINAL_EMA) else Folder(run) if inside == CHECKPOINTS else checkpoint
    return found if found.exists(RUN_FILE) else None


def training_lines(checkpoint: Folder, *, averaged: bool = False) -> list[str]:
    """Return what the card says of the training of the weights in `checkpoint`, or of their averages."""
    run = find_run(checkpoint)
    if run is None:
        return ["Nothing beside these weights tells how they were trained."]
    body = read_run(run)
    rows = [("made by", cell(str(body["command"]))), *_extent(run, checkpoint), *_options(body)]
    rows += [("weights", "averages over the steps (`--ema-decay`)")] if averaged else []
    rows += [*_inputs(body), *_versions(run, body)]
    return table_lines(("", ""), rows)


def measured_lines(checkpoint: Folder) -> list[str]:
    """Return a table of what was measured last while the model trained; none where nothing was."""
    run = find_run(checkpoint)
    if run is None or not run.exists(EVALUATIONS_FILE):
        return []
    rows = list(csv.DictReader(io.StringIO(run.read(EVALUATIONS_FILE).decode("utf-8", "replace"))))
    most = _step(checkpoint)
    try:
        steps = [int(row["step"]) for row in rows]
        last = max((step for step in steps if most is None or step <= most), default=None)
        found = [(row["measure"], float(row["value"])) for row, step in zip(rows, steps, strict=True) if step == last]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{run.path(EVALUATIONS_FILE)}: expected the columns step, measure, value, {error!r}; it is damaged"
        ) from None
    if not found:
        return []
    table = table_lines(("measure", "value"), [(cell(name), f"{value:.4g}") for name, value in found])
    return [f"While it trained, at step {last:,}:", "", *table]


def _step(checkpoint: Folder) -> int | None:
    """Return the step of a checkpoint; None for the end of a run."""
    return checkpoint.read_json(STATE_FILE).count("step") if checkpoint.exists(STATE_FILE) else None


def _extent(run: Folder, checkpoint: Folder) -> Iterator[tuple[str, str]]:
    """Yield how long it was trained: of a checkpoint its own steps, else those of the finished run."""
    if checkpoint.exists(STATE_FILE):
        state = checkpoint.read_json(STATE_FILE)
        yield "steps", f"{state.count('step'):,}, at this checkpoint"
        yield "samples seen", f"{state.count('samples'):,}"
    elif run.exists(MANIFEST_FILE):
        summary = run.read_json(MANIFEST_FILE)["summary"]
        for name in ("steps", "samples_seen", "alpha"):
            if name in summary:
                yield name.replace("_", " "), f"{summary[name]:,}"


def _options(body: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the options that decide most; all of them are in run.json."""
    config: dict[str, Any] = body.get("config", {})
    recipe = config.get("recipe", {})
    told = {
        "epochs": recipe.get("epochs"),
        "global batch": recipe.get("global_batch_size"), "learning rate": recipe.get("learning_rate"),
        "weight decay": recipe.get("weight_decay"), "warm-up steps": recipe.get("warmup_steps"),
        "precision": config.get("precision"), "captions": config.get("captions"), "seed": config.get("seed"),
        "online balancing, cap": config.get("cap"),
    }  # fmt: skip
    for name, value in told.items():
        if value is not None:
            yield name, cell(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _inputs(body: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield what went in, by its hash; of shards what their own folder tells, if it is still the one of that hash."""
    paths = body.get("paths", {}).get("shards", [])
    for number, given in enumerate(body.get("inputs", [])):
        name, sha256 = str(given["name"]), given.get("manifest_sha256")
        found = sha256 or given.get("sha256") or given.get("listing_sha256") or ""
        told = f"SHA-256 `{cell(str(found))}`"
        if sha256 is not None and number < len(paths):
            told += _of_shards(str(paths[number]), str(sha256))
        yield cell(name), told


def _of_shards(path: str, sha256: str) -> str:
    """Return what a folder of shards tells of itself; nothing where another one lies there, or none."""
    try:
        folder = Folder(path)
        if not folder.exists(MANIFEST_FILE) or manifest_sha256(folder) != sha256:
            return ""
        body = folder.read_json(MANIFEST_FILE)
        told = f": {body.count('rows'):,} images"
        selections = body["summary"].get("selections") or [{}]
        queries = selections[-1].get("summary", {}).get("queries", {})
        used = sum(number for name, number in queries.items() if name != "without_match")
        return told + (f", collected for {used:,} of {sum(queries.values()):,} queries" if used else "")
    except (OSError, ValueError, TypeError, AttributeError):  # the record of another run: it decides nothing here
        return ""


def _versions(run: Folder, body: JsonObject) -> Iterator[tuple[str, str]]:
    packages = body.get("packages", {})
    told = [f"{name} {packages[name]}" for name in ("webimagetext", "torch") if name in packages]
    if told:
        yield "versions", cell(", ".join(told))
    if not run.exists(ENVIRONMENT_FILE):
        return
    starts = run.read_json(ENVIRONMENT_FILE).get("starts") or [{}]
    git = starts[-1].get("git")
    if git:
        yield "sources", f"`{cell(str(git['commit']))}`" + (" with changes" if git.get("changed") else "")
