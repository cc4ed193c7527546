"""``trainer evaluate labels``: images with groups and two label sets in, rates by group and a model card's text out.

Shapes: N images, L labels, E embedding.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from schemas.printable import print_lines
from trainer.evaluate.class_names import ClassNames, name_key, read_classes
from trainer.evaluate.classify import embed_classes
from trainer.evaluate.embedded.chart import csv_table
from trainer.evaluate.embedded.image_features import image_features
from trainer.evaluate.embedded.labelled_features import Reader
from trainer.evaluate.embedded.outcome import Outcome
from trainer.evaluate.labels.card import card_text
from trainer.evaluate.labels.config import LabelsConfig
from trainer.evaluate.labels.grouped_images import read_groups
from trainer.evaluate.labels.rates import GroupRates, group_rates
from trainer.evaluate.prompts import read_templates
from trainer.telling.skipped import tell_skipped

MEANT = "watched and added labels stand beside those of --labels, in files of their own"
KINDS = ("watched_without", "watched_with", "added")


def label_rates(config: LabelsConfig) -> dict[str, Any]:
    """Run the probe, print, write and return its results."""
    parts = _label_sets(config)
    templates = read_templates(config.templates)
    images = read_groups(config.images, config.group)
    reader = Reader(config)
    model, _, tokenizer = reader.loaded
    sizes = [(Path(images.root) / path).stat().st_size for path in images.paths]
    told = [
        json.dumps(x).encode()
        for x in ([*([part.titles, part.names] for part in parts), templates], [images.paths, images.groups, sizes])
    ]
    digests = dict(zip(("prompts", "images"), (hashlib.sha256(x).hexdigest() for x in told), strict=True))
    outcome = Outcome("trainer evaluate labels", config, {"model": reader.fingerprint, **digests})
    files = [Path(images.root) / path for path in images.paths]
    found = image_features(
        model, images.paths, lambda place: files[place].read_bytes(), "embedding",
        batch_size=config.batch_size, threads=config.threads,
    )  # fmt: skip
    tell_skipped(found.skipped)
    if not len(found.places_N):
        raise ValueError(f"--images: none of the {len(images.paths)} images of {config.images} decodes")
    labels_LE = embed_classes(model, tokenizer, _together(parts), templates, config.batch_size).float().cpu()
    labels, watched, added = (part.titles for part in parts)
    part_L = np.repeat([0, 1, 2], [len(part) for part in parts])
    groups = [images.groups[place] for place in found.places_N]
    rows = group_rates((found.features_NE @ labels_LE.T).numpy(), groups, part_L == 1, part_L == 2)
    results = {
        "group": config.group,
        "labels": labels,
        "watched": watched,
        "added": added,
        "groups": [asdict(row) for row in rows],
        "images": len(groups),
        "skipped": len(found.skipped),
    }
    card = card_text(rows, config.group, labels, watched, added)
    outcome.write("rates.csv", _table(rows), len(rows))
    outcome.write("model-card.md", card.encode())
    outcome.finish(results, rows=len(groups), summary={name: results[name] for name in ("images", "skipped")})
    print_lines(card.splitlines())
    return results


def _label_sets(config: LabelsConfig) -> tuple[ClassNames, ClassNames, ClassNames]:
    """Return labels, watched, added. Raises ValueError for a name that stands in two files."""
    parts = (
        read_classes(config.labels, "--labels"),
        read_classes(config.watched, "--watched") if config.watched is not None else ClassNames.of([]),
        read_classes(config.added, "--added"),
    )
    seen: dict[str, str] = {}
    for option, part in zip(("--labels", "--watched", "--added"), parts, strict=True):
        for name in (name for names in part.names for name in names):
            other = seen.setdefault(name_key(name), option)
            if other != option:
                raise ValueError(f"{option}: {name!r} is also a label of {other}; leave one out: {MEANT}")
    return parts


def _together(parts: Sequence[ClassNames]) -> ClassNames:
    titles, names, folders = ([x for part in parts for x in getattr(part, of)] for of in ("titles", "names", "folders"))
    return ClassNames(titles, names, folders)


def _table(rows: list[GroupRates]) -> bytes:
    columns = ["group", "images", *(f"{kind}_{part}" for kind in KINDS for part in ("count", "rate", "low", "high"))]
    return csv_table(
        columns,
        [
            [row.group, row.added.images]
            + [value for kind in KINDS if (r := getattr(row, kind)) for value in (r.count, r.rate, r.low, r.high)]
            for row in rows
        ],
    )
