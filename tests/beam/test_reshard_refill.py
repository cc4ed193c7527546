"""A refill of resharded shards: balance selects what it selects after the download itself, and explain says why."""

from pathlib import Path

import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from pipeline.reshard.config import ReshardConfig
from pipeline.reshard.job import run_reshard
from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.support.candidates_folder import read_selection, write_candidates


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """All of whose images are at addresses that no download may ask."""
    candidates = write_candidates(tmp_path, [[number % 2] for number in range(60)], ["of", "red"], host="127.0.0.1:1")
    selection = BalanceConfig(
        candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=6, samples_per_shard=5
    )
    run_balance(selection, [])
    output = tmp_path / "shards"
    run_download(
        DownloadConfig(
            selection=selection.output, output=str(output), image_size=32, num_decode_processes=1, retries=0,
            max_failed_fraction=1.0,
        )
    )  # fmt: skip
    return output


@pytest.mark.slow
def test_balance_and_explain_take_it_as_they_take_a_download(shards: Path, tmp_path: Path) -> None:
    """Not a sample is left, and the failures of three plans lie in two now."""
    output = tmp_path / "out"
    run_reshard(ReshardConfig(shards=(str(shards),), output=str(output), samples_per_shard=6))
    assert not list(output.glob("*.tar"))
    assert len(list(output.glob("without-images-*.parquet"))) == 2
    assert read_manifest(Folder(str(output)), "shards")["summary"]["outcomes"] == {
        "private_address": 11
    }  # of 12 pairs two share an image
    made = {}
    for path in (shards, output):
        refill = BalanceConfig(candidates=str(tmp_path / "candidates"), output=f"{path}-refill", failed=(str(path),))
        run_balance(refill, [])
        made[path] = read_selection(refill.output)
        pair = made[path]["pair_id"][0].as_py().hex()
        facts = run_explain(ExplainConfig(candidates=refill.candidates, selection=refill.output, pair=pair), [])
        assert facts["pairs"][0]["selected"]
    assert len(made[output]) == 12
    assert made[output].drop_columns(["shard"]) == made[shards].drop_columns(["shard"])
