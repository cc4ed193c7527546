"""What a run begins with: its hashes are its identity, its tokenizer is the weights' own."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from schemas.storage import Folder
from tests.support.foreign_models import ONE, small_tokenizer, write_vocabulary
from tests.support.small_shards import write_shards
from trainer.assembly import make_model
from trainer.config import TrainConfig
from trainer.data.open_data import describe_inputs, open_folders
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.record.run_record import training_record
from trainer.saving.checkpoint import write_model
from trainer.telling.reporter import Silent
from trainer.weights.begin import Beginning, describe_beginning, find_tokenizer, read_beginning
from trainer.workers.distributed import World

TOKENIZER = small_tokenizer(12)
CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size),
)


def write_given(path: Path, seed: int = 0) -> Path:
    """Write a trained model of ours."""
    torch.manual_seed(seed)
    write_model(Folder(str(path)), "final", CLIP(CONFIG), TOKENIZER)
    return path


def make(**changes: Any) -> TrainConfig:
    return TrainConfig(**({"shards": ("s",), "output": "o"} | changes))


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def test_a_run_begins_with_the_weights_and_their_tokenizer(tmp_path: Path) -> None:
    config = make(init_from=str(write_given(tmp_path / "given")))
    beginning = read_beginning(config, ONE)
    path = tmp_path / "given" / "final" / "model.safetensors"
    assert beginning.inputs == describe_beginning(config)
    assert beginning.inputs[0] == {
        "name": "init_from/model.safetensors", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    assert [one["name"] for one in beginning.inputs] == ["init_from/model.safetensors", "tokenizer"]
    assert beginning.tokenizer is not None
    assert beginning.tokenizer.to_json() == TOKENIZER.to_json()
    told = Told()
    model = make_model(config, beginning.tokenizer, ONE, beginning, told)
    assert told.lines == [f"weights from {path}, of this project"]
    wanted = load_file(path)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.state_dict().items())


def test_paths_may_be_remote(tmp_path: Path) -> None:
    given = write_given(tmp_path / "given")
    store = fsspec.filesystem("memory")
    for path in (given / "final").iterdir():
        store.pipe(f"/given/final/{path.name}", path.read_bytes())
    near, far = make(init_from=str(given)), make(init_from="memory://given")
    assert far.model_config == near.model_config == CONFIG
    found, wanted = read_beginning(far, ONE), read_beginning(near, ONE)
    assert found.inputs == wanted.inputs == describe_beginning(far)
    tensors = [beginning.weights[0].tensors for beginning in (found, wanted)]
    assert all(torch.equal(tensors[0][name], tensor) for name, tensor in tensors[1].items())


def test_only_the_first_worker_reads() -> None:
    config = make(init_from="/nowhere", model="vit-tiny")
    second = World(1, 1, torch.device("cpu"))
    assert read_beginning(config, second) == Beginning(inputs=[])
    with pytest.raises(FileNotFoundError, match="--init-from: no such folder '/nowhere'"):
        read_beginning(config, ONE)


def test_other_weights_are_another_run_and_another_place_is_not(tmp_path: Path) -> None:
    listed = describe_inputs(open_folders((str(write_shards(tmp_path / "shards", 5)),)))

    def identity(**changes: Any) -> str:
        return training_record(make(**changes), listed).identity

    given = identity(init_from=str(write_given(tmp_path / "a")))
    assert identity(init_from=str(write_given(tmp_path / "b"))) == given
    assert identity(init_from=str(write_given(tmp_path / "c", seed=1))) != given
    assert identity(init_from=str(tmp_path / "a"), lock_image=True) != given
    record = training_record(make(init_from=str(tmp_path / "a")), listed)
    assert str(tmp_path) not in str(record.identity_parts())
    assert record.paths["init_from"] == str(tmp_path / "a")


def test_a_changed_checkpoint_of_ours_is_refused(tmp_path: Path) -> None:
    folder = write_given(tmp_path / "given") / "final"
    (folder / "state.json").write_text('{"files": {"model.safetensors": [1, "00"]}}')
    for function in (describe_beginning, lambda config: read_beginning(config, ONE)):
        with pytest.raises(ValueError, match=r"its SHA-256 is not the one that state\.json holds"):
            function(make(init_from=str(folder)))


def test_tensors_spread_over_files_stand_once(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        save_file({"visual.proj": torch.ones(1)}, tmp_path / name)
    index = '{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}'
    (tmp_path / "model.safetensors.index.json").write_text(index)
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(ValueError, match=r"b\.safetensors: tensor 'visual\.proj' stands in another file, too"):
        read_beginning(make(init_from=str(tmp_path)), ONE)


def test_the_options_name_the_tokenizer(tmp_path: Path) -> None:
    assert find_tokenizer(make()) is None
    assert find_tokenizer(make(tokenizer="train")) is None
    folder = tmp_path / "vocabulary"
    folder.mkdir()
    write_vocabulary(folder, TOKENIZER)
    found = find_tokenizer(make(tokenizer=str(folder)))
    assert found is not None
    assert (found.vocab_size, found.context_length) == (TOKENIZER.vocab_size, 77)
    for path, message in ((tmp_path, "holds none; expected openai, train"), (folder / "x.txt", "no such file")):
        with pytest.raises(FileNotFoundError, match=message):
            find_tokenizer(make(tokenizer=str(path)))
    (folder / "x.txt").write_text("version\na b\n")
    found = find_tokenizer(make(tokenizer=str(folder / "x.txt")))
    assert found is not None
    assert found.vocab_size == 515


def test_weights_without_a_tokenizer_of_another_vocabulary_ask_for_it(tmp_path: Path) -> None:
    folder = write_given(tmp_path / "given") / "final"
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"holds no tokenizer, and the model's .* tokens are not OpenAI's 49408; give"):
        find_tokenizer(make(init_from=str(folder)))


def test_a_tokenizer_of_another_size_than_the_weights_is_refused(tmp_path: Path) -> None:
    vocabulary = tmp_path / "x.txt"
    vocabulary.write_text("version\na b\n")
    config = make(init_from=str(write_given(tmp_path / "given")), tokenizer=str(vocabulary))
    beginning = read_beginning(config, ONE)
    assert beginning.tokenizer is not None
    with pytest.raises(ValueError, match=r"has embeddings of \d+ tokens, the tokenizer 515; give the --tokenizer"):
        make_model(config, beginning.tokenizer, ONE, beginning)


def test_images_of_another_size_begin_with_interpolated_positions(tmp_path: Path) -> None:
    config = make(init_from=str(write_given(tmp_path / "given")), image_px=32)
    beginning = read_beginning(config, ONE)
    assert beginning.tokenizer is not None
    told = Told()
    model = make_model(config, beginning.tokenizer, ONE, beginning, told)
    assert model.config.image == dataclasses.replace(CONFIG.image, image_px=32)
    assert told.lines[0].endswith("position embeddings interpolated from 4 to 16 patches")
