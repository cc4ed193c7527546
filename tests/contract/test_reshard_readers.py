"""Who reads a resharded folder: webdataset, the trainer, a retry, explain; and object stores as its place."""

import json
from pathlib import Path

import pytest
import torch
import webdataset as wds

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from pipeline.reshard.config import ReshardConfig
from pipeline.reshard.job import run_reshard
from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.support.download import make_selection, serving
from tests.support.opened_shards import keys, open_shards
from tests.support.resharding import make_rounds, members
from tests.support.s3_server import s3_bucket, upload
from tests.support.training_config import training_config
from tests.support.waiting import PATIENCE_S
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_rounds(tmp_path_factory.mktemp("rounds"))


@pytest.fixture(scope="module")
def resharded(rounds: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("resharded") / "out"
    run_reshard(ReshardConfig(shards=tuple(map(str, rounds)), output=str(output), samples_per_shard=4, shuffle_seed=1))
    return output


def test_webdataset_reads_it(resharded: Path) -> None:
    samples = list(wds.WebDataset(sorted(map(str, resharded.glob("*.tar"))), shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == keys(open_shards(resharded))
    for sample in samples:
        assert json.loads(sample["json"])["captions"][0] == sample["txt"].decode()


def test_the_trainer_takes_some_steps_on_it(resharded: Path, tmp_path: Path) -> None:
    config = training_config(
        tmp_path, "run", 8, shards=(str(resharded),), model="rn-tiny", epochs=2.0, global_batch_size=4, warmup_steps=2,
        log_every_steps=1,
    )  # fmt: skip
    train(config, World(0, 1, torch.device("cpu")), Silent())
    assert len((Path(config.output) / "metrics.csv").read_text().splitlines()) > 4


def test_object_stores_hold_input_and_output(rounds: list[Path], resharded: Path) -> None:
    with s3_bucket("resharded") as url:
        shards = tuple(upload(path, f"{url}/{path.name}") for path in rounds)
        run_reshard(ReshardConfig(shards=shards, output=f"{url}/out", samples_per_shard=4, shuffle_seed=1))
        folder = Folder(f"{url}/out")
        assert not folder.exists("reshard.work")
        for path in [*sorted(resharded.glob("*.tar")), *sorted(resharded.glob("*.parquet"))]:
            assert folder.read(path.name) == path.read_bytes()


def test_what_may_heal_is_asked_for_again(tmp_path: Path) -> None:
    with serving() as web:
        paths = ["good/1", "good/2", "broken_once/1", "status/404", "good/3"]
        make_selection(str(tmp_path / "selection"), [[(web.url(path), path) for path in paths]])
        options: dict = {
            "selection": str(tmp_path / "selection"), "image_size": 32, "num_decode_processes": 1, "retries": 0,
            "timeout_s": PATIENCE_S, "allow_private_addresses": True,
        }  # fmt: skip
        run_download(DownloadConfig(output=str(tmp_path / "shards"), **options))
        output = tmp_path / "out"
        run_reshard(ReshardConfig(shards=(str(tmp_path / "shards"),), output=str(output), samples_per_shard=2))
        assert read_manifest(Folder(str(output)), "shards")["summary"]["may_heal"] == 1
        before = members(output)
        run_download(DownloadConfig(output=str(output), retry_failed=True, **options))
    assert len(keys(open_shards(output))) == 4
    assert members(output)[: len(before)] == before
    assert sum(name.endswith(".jpg") for name, _ in members(output)) == 4
