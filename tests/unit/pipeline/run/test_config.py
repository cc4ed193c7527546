"""The configs of the stages: all that they have in common with the run's, and the run's folders."""

from dataclasses import fields
from typing import Any

import pytest

from pipeline.run.config import RunConfig

RUN = RunConfig(
    input="i", queries="q", output="o", force=True, match_rule="metaclip", max_caption_bytes=99, seed=7,
    max_pairs_per_query=8, image_size=32, encode_format="png", concurrency=5,
)  # fmt: skip
FOLDERS = {
    "collect": (RUN.collect(), {"output": "o/candidates"}),
    "balance": (RUN.balance(), {"candidates": "o/candidates", "output": "o/selection", "failed": ()}),
    "refill": (
        RUN.balance_refill(),
        {"candidates": "o/candidates", "output": "o/selection-refill", "failed": ("o/shards",)},
    ),
    "download": (RUN.download("selection"), {"selection": "o/selection", "output": "o/shards"}),
}


@pytest.mark.parametrize("stage", FOLDERS)
def test_a_stage_has_the_options_of_the_run(stage: str) -> None:
    config, places = FOLDERS[stage]
    found: dict[str, Any] = {field.name: getattr(config, field.name) for field in fields(config)}
    assert found == {name: getattr(RUN, name) for name in found if name not in places} | places
