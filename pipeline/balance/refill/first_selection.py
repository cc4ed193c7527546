"""A refill follows the first selection: its settings are read from there, contradictions are refused."""

from dataclasses import replace
from typing import Any

from pipeline.balance.config import BalanceConfig
from schemas.manifest import read_current_manifest
from schemas.storage import Folder


def first_selection_settings(config: BalanceConfig, selection: Folder | None) -> dict[str, Any]:
    """Return the settings of the first selection: config, key hash and candidates.

    Raises ValueError where there is none: the images are of a list.
    """
    if selection is not None:
        summary = read_current_manifest(selection, "selection")["summary"]
    else:
        summary = read_current_manifest(Folder(config.failed[0]), "shards")["summary"]["selections"][0]["summary"]
    if "caps" not in summary and "values_unfit" in summary:  # as `pipeline.listing.finish` writes it
        raise ValueError(
            f"{config.failed[0] if selection is None else selection.url}: expected what was made from a balanced "
            "selection, found images of a list (download --input), which no query chose; what may heal of it is asked "
            "for again by the command of before with --retry-failed"
        )
    return {**summary["config"], "caps": summary["caps"], "candidates_sha256": summary["candidates_sha256"]}


def first_caps(first: dict[str, Any], languages: tuple[str, ...]) -> tuple[int, ...]:
    """Return the cap of each language in the first selection: a refill does not find them anew from what is left."""
    return tuple(first["caps"][language] for language in languages)


def as_first(config: BalanceConfig, first: dict[str, Any], candidates_sha256: str) -> BalanceConfig:
    """Return `config` with the first selection's settings. Raises ValueError for other candidates or settings."""
    if first["candidates_sha256"] != candidates_sha256:
        raise ValueError(
            f"--candidates {config.candidates}: not the candidates of the first selection; a refill takes the same"
        )
    settings = {
        name: first[name] for name in ("mode", "max_pairs_per_query", "tail_share", "seed", "samples_per_shard")
    }
    defaults = BalanceConfig(candidates="", output="")
    for name, value in settings.items():
        asked = getattr(config, name)
        if asked not in (value, getattr(defaults, name)):
            raise ValueError(f"{name}: the first selection has {value!r}, asked {asked!r}; leave it out of a refill")
    return replace(config, **settings)
