"""A run's shards are listed once, and what it begins with is read once, from its claim to its last step."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from tests.support.foreign_models import small_tokenizer
from tests.support.training_config import training_config
from trainer.config import TrainConfig
from trainer.model.clip import CLIP
from trainer.presets import find_preset
from trainer.record.claim import claim_output
from trainer.saving.checkpoint import write_model
from trainer.weights import read_tensors
from trainer.workers.without_ray import run

TOKENIZER = small_tokenizer(12)


def make(tmp_path: Path) -> TrainConfig:
    """Return a run of two steps that begins with weights of ours."""
    model = find_preset("vit-tiny").model
    text = dataclasses.replace(model.text, vocab_size=TOKENIZER.vocab_size, context_length=12)
    write_model(Folder(str(tmp_path / "given")), "final", CLIP(dataclasses.replace(model, text=text)), TOKENIZER)
    return training_config(
        tmp_path, "out", 8, init_from=str(tmp_path / "given"), epochs=1.0, global_batch_size=4, launcher="none",
        device="cpu", warmup_steps=1,
    )  # fmt: skip


def test_one_process_lists_the_shards_and_reads_the_weights_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counter[str]()
    sizes, hash_file, load_file = Folder.sizes, read_tensors.hash_file, read_tensors.load_file

    def listed(folder: Folder, suffix: str) -> dict[str, int]:
        counted[f"lists {Path(folder.root).name}"] += 1
        return sizes(folder, suffix)

    def hashed(folder: Folder, name: str) -> str:
        counted[f"hashes {name}"] += 1
        return hash_file(folder, name)

    def loaded(path: Path) -> dict[str, torch.Tensor]:
        counted[f"loads {path.name}"] += 1
        return load_file(path)

    monkeypatch.setattr(Folder, "sizes", listed)
    monkeypatch.setattr(read_tensors, "hash_file", hashed)
    monkeypatch.setattr("trainer.weights.begin.hash_file", hashed)
    monkeypatch.setattr(read_tensors, "load_file", loaded)
    config = make(tmp_path)
    run(config)
    assert counted == {"lists shards": 1, "hashes model.safetensors": 1, "loads model.safetensors": 1}
    assert (tmp_path / "out" / "manifest.json").exists()


def test_a_claim_holds_what_was_read_until_it_is_taken(tmp_path: Path) -> None:
    config = make(tmp_path)
    folder = Folder(config.output)
    claim = claim_output(config, folder, reads=True)
    assert claim is not None
    assert list(claim.shards[0].sizes) == ["00000.tar"]
    beginning = claim.take_beginning()
    assert beginning is not None
    assert [one["name"] for one in beginning.inputs] == ["init_from/model.safetensors", "tokenizer"]
    assert len(beginning.weights) == 1
    assert claim.take_beginning() is None
    assert folder.read_json("run.json")["inputs"] == [*claim.listed, *beginning.inputs]
