"""``results.json`` of `trainer evaluate` in, rows of a card's table and sections out.

A result of another model is refused: what lies beside it says which one was measured, by its fingerprint.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.json_object import JsonObject
from schemas.json_shape import check_json
from schemas.run_record import RUN_FILE
from schemas.storage import Folder
from trainer.evaluate.embedded.outcome import RESULTS_FILE
from trainer.evaluate.labels.card import card_text
from trainer.evaluate.labels.rates import GroupRates, Rate
from trainer.evaluate.recall import RANKS
from trainer.telling.markdown import cell

_RATE = {"count": int, "images": int, "rate": float | int, "low": float | int, "high": float | int}
_GROUPS = [{"group": str, "watched_without": _RATE, "watched_with": _RATE, "added": _RATE}]
_NUMBER = float | int
_LABELS = {"group": str, "labels": [str], "watched": [str], "added": [str], "groups": _GROUPS}

Row = tuple[str, str, str]
"""What was measured, on what, and the value."""


@dataclass(frozen=True)
class _Kind:
    """A kind of results."""

    shape: dict[str, Any]
    """What only results of this kind have, as `check_json` knows it."""
    rows: Callable[[JsonObject], Iterator[Row]]


@dataclass(frozen=True)
class Measured:
    """What a card tells of results."""

    rows: tuple[Row, ...]
    sections: tuple[str, ...]
    """Of bias probes: a table and a warning each."""
    unchecked: tuple[str, ...]
    """Files beside which nothing says which model they are of."""


def read_evaluations(paths: Sequence[str], fingerprint: str) -> Measured:
    """Return what results say. Raises OSError or ValueError that names a file of another kind or of another model."""
    rows: list[Row] = []
    sections, unchecked = [], []
    for path in paths:
        folder, name = _place(path)
        body = folder.read_json(name)
        dataset, is_known = _beside(folder, fingerprint)
        if not is_known:
            unchecked.append(name)
        if "groups" in body:
            sections.append(_section(body))
            continue
        kind = next((kind for kind in _KINDS if kind.shape.keys() <= body.keys()), None)
        if kind is None:
            raise ValueError(
                f"--evaluation: {body.where}: expected results.json of trainer evaluate zero-shot, retrieval, probe, "
                f"few-shot, robustness or labels, found the keys {', '.join(list(body)[:6]) or 'none'}"
            )
        check_json(body, kind.shape, body.where, "what trainer evaluate wrote")
        on = f" of {dataset}" if dataset else ""
        rows += [(cell(what), cell(where + on), value) for what, where, value in kind.rows(body)]
    return Measured(tuple(rows), tuple(sections), tuple(unchecked))


def _place(path: str) -> tuple[Folder, str]:
    """Return folder and name of results that are given as file or as the folder they are in."""
    parent, slash, name = path.rstrip("/").rpartition("/")
    folder, name = (Folder(parent or (slash or ".")), name) if name.endswith(".json") else (Folder(path), RESULTS_FILE)
    if not folder.exists(name):
        raise FileNotFoundError(
            f"--evaluation: no such file {folder.path(name)!r}; expected a results.json of trainer evaluate"
        )
    return folder, name


def _beside(folder: Folder, fingerprint: str) -> tuple[str, bool]:
    """Return the data set's name, and whether the results are known to be of this model. Raises ValueError if not."""
    if not folder.exists(RUN_FILE):
        return "", False
    run = folder.read_json(RUN_FILE)
    check_json(run, {"paths?": {str: object}, "inputs?": [{"name": str}]}, run.where, "what a command wrote")
    model = next((one.get("sha256") for one in run.get("inputs", []) if one["name"] == "model"), None)
    if model is not None and model != fingerprint:
        raise ValueError(
            f"--evaluation: {folder.url} is of another model (fingerprint {str(model)[:12]}, this one's is "
            f"{fingerprint[:12]}); measure this one, or leave it out"
        )
    path = str(run.get("paths", {}).get("dataset") or "")
    return path.rstrip("/").rpartition("/")[2], model is not None


def _section(body: JsonObject) -> str:
    check_json(body, _LABELS, body.where, "what trainer evaluate labels wrote")
    groups = [
        GroupRates(row["group"], *(Rate(**row[kind]) for kind in ("watched_without", "watched_with", "added")))
        for row in body["groups"]
    ]
    if not groups:
        raise ValueError(f"--evaluation: {body.where}: expected at least one group, found none")
    return card_text(groups, body["group"], body["labels"], body["watched"], body["added"])


def _percent(value: Any) -> str:
    return f"{value:.1%}"


def _zero_shot(body: JsonObject) -> Iterator[Row]:
    on = f"{body['images']:,} images, {body['classes']:,} classes"
    for name, key in (("top-1", "top1"), ("top-5", "top5"), ("mean per class", "mean_per_class")):
        yield f"zero-shot {name}", on, _percent(body[key])


def _retrieval(body: JsonObject) -> Iterator[Row]:
    on = f"{body['images']:,} images, {body['captions']:,} captions"
    for way in ("image_to_text", "text_to_image"):
        for rank in RANKS:
            yield f"{way.replace('_', ' ')} R@{rank}", on, _percent(body[f"{way}_r{rank}"])


def _probe(body: JsonObject) -> Iterator[Row]:
    on = f"{body['rows']['test']:,} images, {body['classes']:,} classes"
    yield f"linear probe, {body['measure']}", on, _percent(body["test"])


def _few_shot(body: JsonObject) -> Iterator[Row]:
    on = f"{body['test_images']:,} images, {body['classes']:,} classes"
    for name, curve in body["curves"].items():
        for point in curve:
            yield f"{name}, {point['shots']} examples a class", on, _percent(point["mean"])


def _robustness(body: JsonObject) -> Iterator[Row]:
    yield "zero-shot top-1", f"{body['reference_images']:,} images, the reference", _percent(body["reference"])
    for row in body["datasets"]:
        yield "zero-shot top-1", f"{row['images']:,} images of {row['dataset']}", _percent(row["shifted"])


_KINDS = (
    _Kind({"top1": _NUMBER, "top5": _NUMBER, "mean_per_class": _NUMBER, "images": int, "classes": int}, _zero_shot),
    _Kind(
        {f"{way}_r{rank}": _NUMBER for way in ("image_to_text", "text_to_image") for rank in RANKS}
        | {"images": int, "captions": int},
        _retrieval,
    ),
    _Kind({"measure": str, "test": _NUMBER, "classes": int, "rows": {"test": int}}, _probe),
    _Kind({"curves": {str: [{"shots": int, "mean": _NUMBER}]}, "test_images": int, "classes": int}, _few_shot),
    _Kind(
        {"reference": _NUMBER, "reference_images": int,
         "datasets": [{"dataset": str, "images": int, "shifted": _NUMBER}]},
        _robustness,
    ),
)  # fmt: skip
