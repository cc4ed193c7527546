"""``trainer embed``: a model, and images, texts or shards in; files of features out, part by part.

A part that is made is kept: killed anywhere and run again, the same command gives the same bytes.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import torch

from schemas.feature_files import FEATURES_DIR, KIND, PARTS_DIR, TOLD, UNUSABLE, UNUSABLE_DIR, features_schema
from schemas.manifest import write_manifest
from schemas.printable import printable
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import write_table
from schemas.units import Unit, commit_unit, is_whole, read_unit
from trainer.embed.config import EmbedConfig
from trainer.embed.encode import EncodedPart, encode_part
from trainer.embed.features import features_table, write_features
from trainer.embed.items import ImageItems, ShardItems, TextItems, open_items
from trainer.embed.progress import Progress, Tell
from trainer.embed.queries import SampleQueries
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import load_chosen

MAX_TOLD = 20
"""So many unusable items are told one by one; all are counted and in `UNUSABLE_DIR`."""

AnyItems = ImageItems | TextItems | ShardItems


def embed(config: EmbedConfig, tell: Tell | None = None) -> dict[str, Any]:
    """Make the parts of this process's share that are not there; finish the folder when all are.

    Returns the summary, empty where other processes still have parts to make. `tell` is told how far it is in place of
    a bar. Raises ValueError or OSError for what is wrong with the input, the model, or the output.
    """
    folder = Folder(config.output)
    items = open_items(
        config.images, config.texts, config.shards, config.part_rows, folder, of=config.of, threads=config.num_threads
    )
    loaded = load_chosen(config)
    record = run_record(config, loaded.model, items)
    number, num_processes = config.share
    if not start_run(folder, record, alone=num_processes == 1):
        print(f"{folder.url} is finished already")
        return dict(folder.read_json("manifest.json")["summary"])
    if isinstance(items, ShardItems):
        items.open()
    torch.set_num_threads(config.num_threads)
    queries = _queries(config)
    own = range(number, items.num_parts, num_processes)
    missing = [part for part in own if not _is_made(folder, part)]
    schema = features_schema(
        config.dtype, loaded.model.config.embed_dim, has_images=items.has_images, has_texts=items.has_texts
    )
    with ThreadPoolExecutor(config.num_threads, thread_name_prefix="decode") as pool:
        with Progress(items.num_rows * len(missing) // max(1, items.num_parts), tell) as progress:
            for part in missing:
                encoded = encode_part(
                    loaded.model, loaded.tokenizer, items.part(part), pool, config.batch_size,
                    has_images=items.has_images, has_texts=items.has_texts, progress=progress.add,
                )  # fmt: skip
                _write_part(folder, part, encoded, features_table(encoded, queries(encoded), schema, config.dtype))
    print(progress.told)
    return _finish(folder, items, record, schema, loaded.model, alone=num_processes == 1)


def run_record(config: EmbedConfig, model: FrozenCLIP, items: AnyItems) -> RunRecord:
    """Return what decides the bytes: model, precision, input, how it is cut into parts and batches."""
    return RunRecord(
        command="trainer embed",
        config={
            "precision": model.precision, "dtype": config.dtype, "part_rows": config.part_rows,
            "batch_size": config.batch_size, "of": config.of,
        },
        inputs=[{"name": "model", "sha256": model.fingerprint}, *items.inputs()],
        paths={
            "checkpoint": config.checkpoint, "images": config.images and Folder(config.images).url,
            "shards": config.shards and Folder(config.shards).url,
        },
    )  # fmt: skip


def _queries(config: EmbedConfig) -> Callable[[EncodedPart], list[str | None]]:
    """Return what gives the query of each row of a part."""
    if config.shards is None:
        return lambda part: [None] * len(part.items)
    found = SampleQueries(Folder(config.shards))
    return lambda part: [found.of_tar(item.place.tar).get(item.id) if item.place else None for item in part.items]


def _part_name(part: int) -> str:
    return f"{PARTS_DIR}/{part:05d}.json"


def _is_made(folder: Folder, part: int) -> bool:
    unit = read_unit(folder, _part_name(part))
    return unit is not None and is_whole(folder, unit)


def _write_part(folder: Folder, part: int, encoded: EncodedPart, rows: pa.Table) -> None:
    files = [write_features(folder, f"{FEATURES_DIR}/{part:05d}.parquet", rows, rows.schema)]
    if encoded.faults:
        table = pa.table({"id": [i for i, _ in encoded.faults], "reason": [r for _, r in encoded.faults]}, UNUSABLE)
        files.append(write_table(folder, f"{UNUSABLE_DIR}/{part:05d}.parquet", table, UNUSABLE))
    without_caption = sum(item.caption is None for item in encoded.items) if encoded.texts_NE is not None else 0
    told = [f"{name}: {reason}" for name, reason in encoded.faults[:MAX_TOLD]]
    counts = {"unusable": len(encoded.faults), "without_caption": without_caption, "told": told}
    commit_unit(folder, _part_name(part), files, counts)


def _finish(
    folder: Folder, items: AnyItems, record: RunRecord, schema: pa.Schema, model: FrozenCLIP, *, alone: bool
) -> dict[str, Any]:
    """Write the manifest when all parts are made, and print what was made."""
    units: list[Unit] = []
    for part in range(items.num_parts):
        unit = read_unit(folder, _part_name(part))
        if unit is None or not is_whole(folder, unit):
            print(f"{folder.url}: part {part} and perhaps others are made by other processes: the last one finishes it")
            return {}
        units.append(unit)
    files = [file for unit in units for file in unit.files]
    rows = sum(unit.files[0].rows for unit in units)
    unusable, without_caption = (
        sum(unit.body.count(name) for unit in units) for name in ("unusable", "without_caption")
    )
    told = [line for unit in units for line in unit.body["told"]]
    for line in told[:MAX_TOLD]:
        print(f"unusable: {printable(line)}", file=sys.stderr)
    if not rows:
        raise ValueError(f"{folder.url}: none of {unusable} can be embedded; the first: {printable(told[0])}")
    summary = {
        "model": model.fingerprint, "width": model.config.embed_dim, "rows": rows, "unusable": unusable,
        "dtype": record.config["dtype"], "columns": schema.names[len(TOLD) :], "without_caption": without_caption,
    }  # fmt: skip
    if alone:  # others may be finishing, too
        folder.delete_temporaries()
    write_manifest(folder, KIND, files, rows=rows, identity=record.identity, summary=summary)
    lacking = f", {without_caption:,} without a caption" if without_caption else ""
    print(f"{rows:,} rows of {model.config.embed_dim} numbers ({record.config['dtype']}) in {len(units):,} files, "
          f"{unusable:,} unusable{lacking}: {folder.url}")  # fmt: skip
    return summary
