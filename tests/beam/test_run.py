"""`pipeline run`: its options reach the stages, and a run stopped for its memory goes on with --force."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pipeline.run.config import RunConfig
from pipeline.run.job import run_all
from pipeline.shuffle import room


def test_options_reach_every_stage() -> None:
    config = RunConfig(
        input="in", queries="metadata.json", output="out", force=True, max_pairs_per_query=7, captions_per_image=2,
        samples_per_shard=9, image_size=33, max_caption_bytes=99,
    )  # fmt: skip
    collect, balance, refill = config.collect(), config.balance(), config.balance_refill()
    download = config.download("selection")
    assert collect.force
    assert balance.force
    assert refill.force
    assert (collect.captions_per_image, collect.max_caption_bytes, collect.output) == (2, 99, "out/candidates")
    for stage in (balance, refill):
        assert (stage.max_pairs_per_query, stage.samples_per_shard, stage.candidates) == (7, 9, "out/candidates")
        assert stage.queries == "metadata.json"  # balance finds the folder that collect made of it
    assert refill.failed == ("out/shards",)
    assert (download.image_size, download.output) == (33, "out/shards")


def test_a_run_stopped_for_its_memory_goes_on_with_force(
    tmp_path: Path, queries_folder: Callable[[list[str]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = random.Random(1)
    (tmp_path / "in").mkdir()
    for number in range(6):
        Image.frombytes("RGB", (40, 40), choose.randbytes(4800)).save(tmp_path / "in" / f"{number}.png")
        (tmp_path / "in" / f"{number}.txt").write_text(f"a red dog {number}")
    monkeypatch.setattr(room, "available_bytes", lambda: 100 << 20)  # less than what a job takes
    config = RunConfig(
        input=str(tmp_path / "in"), input_format="folder", queries=queries_folder(["red"]), output=str(tmp_path / "o"),
        image_size=32, num_decode_processes=1,
    )  # fmt: skip
    with pytest.raises(ValueError, match="deduplicate: shuffling 6 pairs needs"):
        run_all(config, [])
    assert run_all(replace(config, force=True), [])["rows"] == 6
