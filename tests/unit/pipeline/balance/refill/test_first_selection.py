"""A refill takes the first selection's settings; what contradicts them is refused."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.refill.first_selection import as_first, first_caps, first_selection_settings
from schemas.manifest import write_manifest
from schemas.storage import Folder

FIRST: dict[str, Any] = {
    "mode": "probabilistic", "max_pairs_per_query": 7, "tail_share": None, "seed": 3, "samples_per_shard": 9,
    "write_entry_counts": True, "caps": {"de": 7, "en": 8}, "candidates_sha256": "ab",
}  # fmt: skip


def refill(**options: Any) -> BalanceConfig:
    return BalanceConfig(candidates="c", output="o", failed=("f",), **options)


def test_what_is_not_said_is_the_first_selections() -> None:
    found = as_first(refill(seed=3), FIRST, "ab")
    assert found == refill(mode="probabilistic", max_pairs_per_query=7, seed=3, samples_per_shard=9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 4}, "seed: the first selection has 3, asked 4; leave it out of a refill"),
        ({"max_pairs_per_query": 8}, "max_pairs_per_query: the first selection has 7, asked 8"),
        ({"tail_share": 0.1}, "tail_share: the first selection has None, asked 0.1"),
    ],
    ids=["seed", "cap", "share"],
)
def test_a_contradiction_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_first(refill(**options), FIRST, "ab")


def test_other_candidates_are_refused() -> None:
    with pytest.raises(ValueError, match="--candidates c: not the candidates of the first selection"):
        as_first(refill(), FIRST, "cd")


def test_caps_are_those_of_the_languages_in_their_order() -> None:
    assert first_caps(FIRST, ("en", "de")) == (8, 7)


def test_settings_are_found_in_the_selection_or_in_the_shards(tmp_path: Path) -> None:
    summary = {"config": {"seed": 3}, "caps": {"en": 8}, "candidates_sha256": "ab"}
    selection, shards = Folder(str(tmp_path / "s")), Folder(str(tmp_path / "f"))
    write_manifest(selection, "selection", [], rows=0, identity="x", summary=summary)
    later = {"config": {"seed": 3}, "caps": {"en": 1}, "candidates_sha256": "ab"}
    selections = {"selections": [{"summary": summary}, {"summary": later}]}
    write_manifest(shards, "shards", [], rows=0, identity="x", summary=selections)
    expected = {"seed": 3, "caps": {"en": 8}, "candidates_sha256": "ab"}
    config = BalanceConfig(candidates="c", output="o", failed=(shards.url,))
    assert first_selection_settings(config, selection) == first_selection_settings(config, None) == expected
