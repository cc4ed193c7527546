"""The folders that a report is about: one folder in; the stages that are in it, each finished and of one run, out."""

from dataclasses import dataclass, field
from typing import Any

from schemas.manifest import manifest_sha256, read_manifest, succeeded
from schemas.run_record import MANIFEST_FILE, RUN_FILE
from schemas.storage import Folder

KINDS = ("run", "candidates", "selection", "shards")


@dataclass(frozen=True)
class Stage:
    """A finished folder."""

    folder: Folder
    manifest: dict[str, Any]

    @property
    def summary(self) -> dict[str, Any]:
        """What its manifest tells."""
        found: dict[str, Any] = self.manifest["summary"]
        return found


@dataclass(frozen=True)
class Stages:
    """What there is of a run."""

    kind: str
    identity: str
    candidates: Stage | None = None
    selections: list[Stage] = field(default_factory=list)
    """The first selection, then its refill."""
    shards: Stage | None = None

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """The summaries of the selections: of the folders, else as the shards' manifest holds them."""
        if self.selections:
            return [found.summary for found in self.selections]
        told = self.shards.summary.get("selections", []) if self.shards else []
        return [found["summary"] for found in told]


def find_stages(folder: Folder) -> Stages:
    """Return the stages of a folder of `pipeline run`, or the one stage that a folder is.

    Raises FileNotFoundError for what is no output or unfinished, ValueError for another kind of folder, and for a run
    whose stages are of another run.
    """
    kind = _kind_of(folder)
    manifest = read_manifest(folder, kind)
    identity = str(manifest["identity"])
    if kind == "candidates":
        return Stages(kind, identity, candidates=Stage(folder, manifest))
    if kind == "selection":
        return Stages(kind, identity, selections=[Stage(folder, manifest)])
    if kind == "shards":
        return Stages(kind, identity, shards=Stage(folder, manifest))
    found = {name: _stage_of(folder, manifest, name) for name in manifest["summary"]}
    missing = [name for name in KINDS[1:] if name not in found]
    if missing:
        raise ValueError(
            f"{folder.path(MANIFEST_FILE)}: expected the stages {', '.join(KINDS[1:])}, found no {missing[0]}; "
            "the file is damaged, give the pipeline run of before again"
        )
    refill = [found[name] for name in found if name not in KINDS]
    stages = Stages(kind, identity, found["candidates"], [found["selection"], *refill], found["shards"])
    _check_one_run(stages)
    return stages


def _kind_of(folder: Folder) -> str:
    if not folder.exists():
        raise FileNotFoundError(f"{folder.url}: no such folder; expected one that pipeline run made")
    if not folder.exists(MANIFEST_FILE):
        if folder.exists(RUN_FILE):
            raise FileNotFoundError(
                f"{folder.url} is unfinished (no {MANIFEST_FILE}); run the command that makes it again: it resumes "
                "what is missing"
            )
        raise FileNotFoundError(
            f"{folder.url}: no {MANIFEST_FILE}; expected a folder of pipeline run, or one of its candidates, "
            "selection or shards folders"
        )
    kind = str(folder.read_json(MANIFEST_FILE)["kind"])
    if kind not in KINDS:
        raise ValueError(
            f"{folder.url}: expected a folder of kind {', '.join(KINDS[:-1])} or {KINDS[-1]}, found kind {kind!r}"
        )
    return kind


def _stage_of(run: Folder, manifest: dict[str, Any], name: str) -> Stage:
    """Return stage `name` of a run. Raises ValueError when the folder there is not the one that the run made."""
    folder = run.sub(name)
    found = read_manifest(folder, name.partition("-")[0])
    known = str(manifest["summary"][name])
    if known not in (manifest_sha256(folder), *succeeded(folder)):
        raise ValueError(
            f"{folder.path(MANIFEST_FILE)}: not the manifest that {run.path(MANIFEST_FILE)} was written over: the "
            "folder is of another run or was made again; put the right one back, or report it alone"
        )
    return Stage(folder, found)


def _check_one_run(stages: Stages) -> None:
    """Raise ValueError where a selection is of other candidates than those beside it."""
    assert stages.candidates is not None
    beside = stages.candidates.folder
    known = {manifest_sha256(beside), *succeeded(beside)}
    for selection in stages.selections:
        made_of = selection.summary.get("candidates_sha256")
        if made_of is not None and made_of not in known:
            raise ValueError(
                f"{selection.folder.url}: selected from other candidates than those in {beside.url}; the folders are "
                "of two runs: put the right one back, or report it alone"
            )
