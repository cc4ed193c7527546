"""`pipeline remove --urls, --domains, --sha256`: folders in; the same without what is listed, and tombstones, out.

    lists checked -> what a killed removal left is finished -> images found -> all folders staged -> all put in place

A tombstone is an image_id, which is a hash of the URL, or a SHA-256: no URL, caption or byte of what was removed stays.
"""

import datetime
from contextlib import ExitStack
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.day import day_of
from pipeline.download.again.counted_pairs import CountedPairs
from pipeline.remove.config import RemoveConfig
from pipeline.remove.found import LISTED_SHA256, FoundImages, find_images, new_tombstones
from pipeline.remove.named import Named, read_lists
from pipeline.remove.pairs import stage_pairs
from pipeline.remove.shards import stage_shards
from schemas.arrow_types import values_of
from schemas.buffers import ID
from schemas.manifest import read_manifest
from schemas.removals import REMOVALS, REMOVALS_NAME, read_removals
from schemas.rewritten import Rewriting, claim, finish_rewriting, rewrite
from schemas.run_record import MANIFEST_FILE, RUN_FILE
from schemas.shards_folder import LISTED_SELECTION_DIR
from schemas.staged_manifest import stage_manifest
from schemas.storage import Folder
from schemas.tables import read_table

RUN_STAGES = ("candidates", "selection", "selection-refill", "shards")
"""Folders of `pipeline run` below its own."""


@dataclass
class TakenOut:
    """What went."""

    images: int = 0
    """From shards, those that had failed among them."""
    captions: int = 0
    """With them."""
    candidates: int = 0
    selected: int = 0
    """Pairs of candidates and of selections."""
    tombstones: int = 0
    """That are new; counted in each folder of shards."""
    rewritten: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    """Folders of a removal that was killed before."""


@dataclass(frozen=True)
class _Folders:
    shards: list[Folder]
    candidates: list[Folder]
    selections: list[Folder]
    run: Folder | None

    def all(self) -> list[Folder]:
        return [*self.shards, *self.candidates, *self.selections, *([self.run] if self.run is not None else [])]


def take_out(config: RemoveConfig) -> TakenOut:
    """Take what the lists of `config` name out of its folders; the same command again goes on, or finds nothing.

    Raises FileNotFoundError or ValueError for a list of another form, and for what is no finished folder of its kind,
    before anything is written.
    """
    named = read_lists(config.urls, config.domains, config.sha256)
    since = day_of(config.since)
    report = TakenOut()
    for folder in _given(config):
        if folder.exists():
            report.finished += finish_rewriting(folder)
    folders = _folders(config)
    with ExitStack() as stack:
        for folder in folders.all():
            claim(folder)
            stack.callback(setattr, folder, "lock", None)
        images = find_images(named, folders.shards, [*folders.candidates, *folders.selections], config.opted_out)
        staged = _stage(folders, named, images, since, report)
        rewrite(staged)
    report.rewritten = [found.folder.url for found in staged]
    return report


def _given(config: RemoveConfig) -> list[Folder]:
    """Return the folders that may be given, finished or not: of a killed removal some have no manifest."""
    run = [config.run, *(f"{config.run}/{name}" for name in RUN_STAGES)] if config.run else []
    shards = [config.shards] if config.shards else []
    return [Folder(path) for path in (*shards, *config.candidates, *_selections(config), *run)]


def _selections(config: RemoveConfig) -> list[str]:
    """Return the selections given, and the one that `pipeline download --input` made inside of the shards."""
    own = f"{config.shards}/{LISTED_SELECTION_DIR}"
    has_own = bool(config.shards) and Folder(own).exists(RUN_FILE)
    return [*config.selection, *([own] if has_own else [])]


def _stage(
    folders: _Folders, named: Named, images: FoundImages, since: datetime.date, report: TakenOut
) -> list[Rewriting]:
    staged: list[Rewriting] = []
    lost: list[CountedPairs] = []
    changed: dict[str, str] = {}
    for folder in folders.shards:
        tombstones = _tombstones(folder, named, images, since)
        found = stage_shards(folder, images.every, tombstones)
        report.images += found.images
        report.captions += found.captions
        report.tombstones += len(tombstones)
        lost += found.lost
        _note(found.rewriting, found.manifest_sha256, staged, changed)
    for kind, given in (("candidates", folders.candidates), ("selection", folders.selections)):
        for folder in given:
            pairs = stage_pairs(folder, kind, named, images.every, lost)
            if kind == "candidates":
                report.candidates += pairs.pairs
            else:
                report.selected += pairs.pairs
            _note(pairs.rewriting, pairs.manifest_sha256, staged, changed)
    if folders.run is not None and changed:
        staged.append(_stage_run(folders.run, changed))
    return staged


def _note(rewriting: Rewriting | None, sha256: str, staged: list[Rewriting], changed: dict[str, str]) -> None:
    if rewriting is not None:
        staged.append(rewriting)
        if sha256:
            changed[rewriting.folder.url] = sha256


def _stage_run(run: Folder, changed: dict[str, str]) -> Rewriting:
    """Stage the manifest of a `pipeline run`, which names those of its stages."""
    rewriting, manifest = Rewriting(run), read_manifest(run, "run")
    stages = {
        name: changed.get(run.sub(name).url, sha256) if isinstance(sha256, str) else sha256
        for name, sha256 in manifest["summary"].items()
    }
    rows = read_manifest(run.sub("shards"), "shards")["rows"]
    if run.sub("shards").url in changed:
        rows = int(Rewriting(run.sub("shards")).staged.read_json(MANIFEST_FILE).count("rows"))
    stage_manifest(rewriting, "run", {}, rows, stages)
    return rewriting


def _tombstones(folder: Folder, named: Named, images: FoundImages, since: datetime.date) -> pa.Table:
    """Return `REMOVALS` of what `folder` does not note yet."""
    known_ids, known_digests = pa.array([], ID), frozenset[str]()
    if folder.exists(REMOVALS_NAME):
        read_removals(folder)  # what is wrong with it is told
        before = read_table(folder, REMOVALS_NAME, REMOVALS)
        known_ids = pa.concat_arrays([known_ids, *before["image_id"].drop_null().chunks])
        known_digests = frozenset(values_of(before["sha256"].drop_null()))
    tables = [REMOVALS.empty_table()]
    for reason, ids in new_tombstones(images, known_ids):
        tables.append(_table(reason, since, image_id=ids))
    digests = sorted(named.sha256 - {digest.lower() for digest in known_digests})
    tables.append(_table(LISTED_SHA256, since, sha256=pa.array(digests, pa.string())))
    return pa.concat_tables(tables)


def _table(reason: str, since: datetime.date, **given: pa.Array) -> pa.Table:
    rows = len(next(iter(given.values())))
    reasons, days = pa.repeat(pa.scalar(reason, pa.string()), rows), pa.repeat(pa.scalar(since, pa.date32()), rows)
    columns = {"reason": reasons, "since": days, **given}
    return pa.Table.from_arrays(
        [columns.get(column.name, pa.nulls(rows, column.type)) for column in REMOVALS], schema=REMOVALS
    )


def _folders(config: RemoveConfig) -> _Folders:
    """Return the folders of `config`, each once. Raises as `take_out` does."""
    found: dict[str, list[Folder]] = {"shards": [], "candidates": [], "selection": []}
    shards = (config.shards,) if config.shards else ()
    for kind, paths in (("shards", shards), ("candidates", config.candidates), ("selection", _selections(config))):
        for path in paths:
            _add(found[kind], Folder(path), kind)
    run = Folder(config.run) if config.run else None
    if run is not None:
        for name in read_manifest(run, "run")["summary"]:
            kind = "selection" if name.startswith("selection") else name
            _add(found[kind], run.sub(name), kind)
    return _Folders(found["shards"], found["candidates"], found["selection"], run)


def _add(folders: list[Folder], folder: Folder, kind: str) -> None:
    if folder.exists() and not folder.exists(RUN_FILE):
        raise ValueError(
            f"{folder.url}: expected a {kind} folder of pipeline, found no {RUN_FILE}; those of other tools are not "
            "written again, note their samples in removals.parquet"
        )
    read_manifest(folder, kind)
    if folder.url not in [known.url for known in folders]:
        folders.append(folder)
