"""``run.json``: who made a folder and from what. Written first, exclusively; outside all byte comparisons.

A folder is absent, unfinished (``run.json`` but no ``manifest.json``), or finished. The same run resumes
an unfinished folder; another run is refused with the difference shown.
"""

import hashlib
import platform
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from schemas import SCHEMA_VERSION
from schemas.identity import IDENTITY_VERSION
from schemas.json_object import JsonObject
from schemas.json_shape import check_json
from schemas.output_lock import lock_output
from schemas.public_url import public_values, said_values
from schemas.rewritten import PLAN_FILE
from schemas.storage import Folder, canonical_json
from schemas.text import NORMAL_FORM_VERSION, UNIDATA_VERSION

RUN_FILE = "run.json"
MANIFEST_FILE = "manifest.json"

SUCCEEDS = "succeeds"
"""Key of an input: the manifests that its manifest stands in for (`pipeline remove`). It is no part of the identity: a
run that began with one of them is gone on with."""

_REPORTED_PACKAGES = ("webimagetext", "apache-beam", "pyarrow", "numpy", "numba", "pillow", "torch", "ray")


class FolderConflict(ValueError):
    """The output folder belongs to another run."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What decides the bytes of a folder."""

    command: str
    """For example ``pipeline collect``."""
    config: dict[str, Any]
    """Every option that can change the result: not the output path, not Beam options, not progress."""
    inputs: list[dict[str, Any]] = field(default_factory=list)
    """The resolved inputs: ``{"name": ..., "bytes": ...}`` of files, ``{"name": ..., "manifest_sha256": ...}`` of
    folders. Names are relative to the input's root, so a copy elsewhere is the same input."""
    algorithm: str = "1"
    """Version of the command's own algorithm."""
    paths: dict[str, Any] = field(default_factory=dict)
    """Where inputs lay on this machine: kept for later stages, no part of the identity."""

    def __post_init__(self) -> None:
        """Keep no secret of an address, in ``run.json`` and in the identity: a new signature is no new run."""
        object.__setattr__(self, "config", public_values(self.config))
        object.__setattr__(self, "inputs", public_values(self.inputs))
        object.__setattr__(self, "paths", said_values(self.paths))

    def identity_parts(self) -> dict[str, Any]:
        """Return what is hashed into the identity."""
        return {
            "command": self.command,
            "config": self.config,
            "inputs": [{key: value for key, value in found.items() if key != SUCCEEDS} for found in self.inputs],
            "versions": {
                "schema": SCHEMA_VERSION,
                "identity": IDENTITY_VERSION,
                "normal_form": NORMAL_FORM_VERSION,
                "unidata": UNIDATA_VERSION,
                "algorithm": self.algorithm,
            },
        }

    @property
    def identity(self) -> str:
        """Hash of command, config, inputs and versions: 32 hex digits."""
        return hashlib.blake2b(canonical_json(self.identity_parts()), digest_size=16).hexdigest()

    def as_begun(self, begun: Any) -> "RunRecord":
        """Return the record that names each input as it was when a run began, whose inputs are `begun`.

        An input is left as it is unless its manifest stands in for the one that the run began with.
        """
        known = {found.get("name"): found.get("manifest_sha256") for found in begun} if isinstance(begun, list) else {}
        inputs = [
            {**found, "manifest_sha256": known[found["name"]]}
            if known.get(found["name"]) in found.get(SUCCEEDS, ())
            else found
            for found in self.inputs
        ]
        return replace(self, inputs=inputs)


def start_run(folder: Folder, record: RunRecord, alone: bool = True) -> bool:
    """Claim `folder` for the run. Return False when this very run has finished there already.

    Raises `FolderConflict` when the folder belongs to another run (the difference is in the message), holds files but
    no ``run.json``, or, for a run that is to be `alone`, when another process of this machine is at work there; this
    one is until `folder` is no longer used, or finished.
    """
    body = record.identity_parts() | {
        "identity": record.identity,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "paths": record.paths,
        "packages": _package_versions(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "arguments": said_values(sys.argv[1:]),
    }
    if folder.exists() and not folder.fs.isdir(folder.root):
        raise FolderConflict(f"{folder.url} is a file; expected a folder, absent or made by the same command")
    if not folder.exists(RUN_FILE):
        if folder.exists() and folder.names():
            raise FolderConflict(
                f"{folder.url}: expected an absent or empty folder or an unfinished run of the same command, found "
                f"files without {RUN_FILE} ({folder.names()[0]!r}, ...); choose another --output"
            )
        if folder.create(RUN_FILE, canonical_json(body)):
            return _take(folder, alone)
    found = folder.read_json(RUN_FILE)
    if folder.exists(PLAN_FILE) and not folder.exists(MANIFEST_FILE):
        raise FolderConflict(f"{folder.url}: what was removed is half taken out of it; run that pipeline remove again")
    if found.get("identity") not in (record.identity, record.as_begun(found.get("inputs")).identity):
        raise FolderConflict(
            f"{folder.url} belongs to another run{_of_another_version(found)}; choose another --output or delete it. "
            f"Difference (found there -> asked now): {describe_difference(found, record.identity_parts())}"
        )
    return not folder.exists(MANIFEST_FILE) and _take(folder, alone)


def _take(folder: Folder, alone: bool) -> bool:
    """Take the folder's lock; return False when the run was finished meanwhile."""
    if alone and folder.local:
        try:
            folder.lock = lock_output(folder.root)
        except BlockingIOError:
            raise FolderConflict(
                f"{folder.url}: the same command is at work there in another process; wait until it has ended, or end "
                "it and run this one again"
            ) from None
    if folder.exists(MANIFEST_FILE):
        folder.lock = None
        return False
    return True


def read_run(folder: Folder) -> JsonObject:
    """Return the ``run.json`` of `folder`. Raises FileNotFoundError with what to do when there is none."""
    if not folder.exists(RUN_FILE):
        raise FileNotFoundError(f"{folder.url}: no {RUN_FILE}; expected a folder made by querygen, pipeline or trainer")
    run = folder.read_json(RUN_FILE)
    check_json(
        run, {"paths?": {str: object}, "inputs?": [{"name": str}]}, run.where, "what a command wrote at its start"
    )
    return run


def input_of(run: JsonObject, name: str) -> JsonObject:
    """Return what a ``run.json`` says of input `name`. Raises ValueError that names the file when it is silent."""
    for found in run["inputs"]:
        if found["name"] == name:
            return cast(JsonObject, found)
    raise ValueError(f"{run.where}: expected an input {name!r}, found none; the file is damaged, make the folder again")


def describe_difference(found: dict[str, Any], asked: dict[str, Any]) -> str:
    """Return the leaves in which two identity parts differ, the first five of them."""
    left = dict(_leaves("", {key: found.get(key) for key in asked}))
    right = dict(_leaves("", asked))
    keys = [key for key in sorted(left.keys() | right.keys()) if left.get(key) != right.get(key)]
    shown = [f"{key}: {left.get(key)!r} -> {right.get(key)!r}" for key in keys[:5]]
    return "; ".join(shown) + (f"; and {len(keys) - 5} more" if len(keys) > 5 else "")


def _of_another_version(run: dict[str, Any]) -> str:
    """Return what a user should know of a run whose texts are not those of this version: it cannot be gone on with."""
    versions = run.get("versions")
    found = versions.get("normal_form") if isinstance(versions, dict) else None
    if found in (None, NORMAL_FORM_VERSION):
        return ""
    return (
        f" of another version (texts in normal form {found!a}, now {NORMAL_FORM_VERSION!a}) and cannot be gone on with"
    )


def _leaves(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in _leaves(f"{prefix}.{key}" if prefix else str(key), value[key])]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [leaf for index, item in enumerate(value) for leaf in _leaves(f"{prefix}[{index}]", item)]
    return [(prefix, list(value) if isinstance(value, tuple) else value)]


def _package_versions() -> dict[str, str]:
    found = {}
    for name in _REPORTED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
