"""The options of a run reach each of its stages, in folders of one output."""

from dataclasses import fields
from typing import Any

import pytest

from pipeline.balance.config import BalanceOptions
from pipeline.collect.config import CollectOptions
from pipeline.download.config import DownloadOptions
from pipeline.run.config import RunConfig


def config(**options: Any) -> RunConfig:
    return RunConfig(**{"input": "i.csv", "queries": "q", "output": "/out"} | options)


def test_every_option_reaches_its_stage() -> None:
    run = config(max_pairs_per_query=7, seed=3, image_size=99, retries=5, min_caption_words=2, force=True)
    for options, stage in (
        (CollectOptions, run.collect()),
        (BalanceOptions, run.balance()),
        (BalanceOptions, run.balance_refill()),
        (DownloadOptions, run.download("selection")),
    ):
        assert {f.name: getattr(stage, f.name) for f in fields(options)} == {
            f.name: getattr(run, f.name) for f in fields(options)
        }
    assert run.balance().force
    assert run.balance_refill().force


def test_stages_hand_on_their_folders() -> None:
    run = config()
    assert run.collect().output == run.balance().candidates == run.balance_refill().candidates == "/out/candidates"
    assert run.balance().output == run.download("selection").selection == "/out/selection"
    assert run.balance_refill().output == run.download("selection-refill").selection == "/out/selection-refill"
    assert run.download("selection").output == "/out/shards"
    assert run.balance_refill().failed == ("/out/shards",)
    assert run.balance().failed == ()
    assert run.balance().queries == "q"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_caption_bytes": 0}, "max_caption_bytes"), ({"max_pairs_per_query": 0}, "max_pairs_per_query"),
        ({"image_size": 0}, "image_size"), ({"unknown_language": "en"}, "unknown_language"),
        ({"min_caption_words": -1}, "caption_words"), ({"captions": "lines"}, "captions is for input_format"),
    ],
    ids=["collect", "balance", "download", "match", "filter", "input"],
)  # fmt: skip
def test_the_checks_of_all_stages_are_made_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)


RUN = RunConfig(
    input="i", queries="q", output="o", force=True, match_rule="metaclip", max_caption_bytes=99, seed=7,
    max_pairs_per_query=8, image_size=32, encode_format="png", concurrency=5,
)  # fmt: skip
NO_RECHECK = {
    "recheck": False, "recheck_sample": 0, "recheck_seed": 0, "recheck_heads_only": False, "since": "",
}  # fmt: skip
FOLDERS = {
    "collect": (RUN.collect(), {"output": "o/candidates"}),
    "balance": (RUN.balance(), {"candidates": "o/candidates", "output": "o/selection", "failed": ()}),
    "refill": (
        RUN.balance_refill(),
        {"candidates": "o/candidates", "output": "o/selection-refill", "failed": ("o/shards",)},
    ),
    "download": (
        RUN.download("selection"),
        {"selection": "o/selection", "output": "o/shards", "preflight": False, "retry_failed": False} | NO_RECHECK,
    ),
}


@pytest.mark.parametrize("stage", FOLDERS)
def test_a_stage_has_the_options_of_the_run(stage: str) -> None:
    config, places = FOLDERS[stage]
    found: dict[str, Any] = {field.name: getattr(config, field.name) for field in fields(config)}
    assert found == {name: getattr(RUN, name) for name in found if name not in places} | places
