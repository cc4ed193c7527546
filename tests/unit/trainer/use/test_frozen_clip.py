"""A model in use: no gradient of its weights, named by what makes its features."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import trainer
from schemas.storage import Folder
from tests.support.foreign_models import early_form, small_tokenizer, write_vocabulary
from tests.unit.trainer.weights.test_begin import CONFIG, TOKENIZER, write_given
from tests.unit.trainer.weights.test_read_model import RESNET, released
from trainer.model.clip import CLIP
from trainer.saving.checkpoint import write_model
from trainer.use.frozen_clip import FrozenCLIP


def load(path: Path, **options: object) -> FrozenCLIP:
    return trainer.load(path, device="cpu", **options)[0]  # type: ignore[arg-type]


def test_a_gradient_flows_to_images_alone(tmp_path: Path) -> None:
    model = load(write_given(tmp_path / "run"))
    images = torch.rand(2, 3, 16, 16, requires_grad=True)
    model.encode_images(images * 255)[0, 0].backward()
    assert images.grad is not None
    assert bool(images.grad[0].abs().sum() > 0)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_images_that_preprocess_did_not_make_are_refused(tmp_path: Path) -> None:
    model = load(write_given(tmp_path / "run"))
    for images in (torch.zeros(1, 3, 16, 16), torch.zeros(3, 16, 16, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=r"expected uint8 images \[N, 3, 16, 16\] as preprocess gives them"):
            model.encode_image(images)


def test_the_fingerprint_names_weights_geometry_and_tokenizer(tmp_path: Path) -> None:
    first = load(write_given(tmp_path / "a")).fingerprint
    assert load(write_given(tmp_path / "same")).fingerprint == first
    assert load(tmp_path / "a", precision="bfloat16").fingerprint == first
    assert load(write_given(tmp_path / "b", seed=1)).fingerprint != first
    torch.manual_seed(0)
    write_model(Folder(str(tmp_path / "tokens")), "final", CLIP(CONFIG), small_tokenizer(12))
    assert load(tmp_path / "tokens").fingerprint == first
    path = tmp_path / "tokens" / "final" / "tokenizer.json"
    path.write_bytes(early_form(small_tokenizer(12)))
    assert load(tmp_path / "tokens").fingerprint != first
    heads = tmp_path / "b" / "final" / "config.json"
    other = load(tmp_path / "b").fingerprint
    heads.write_text(heads.read_text().replace('"heads": 2', '"heads": 4'))
    assert load(tmp_path / "b").fingerprint != other


def test_names_and_layout_of_stored_tensors_change_no_fingerprint(tmp_path: Path) -> None:
    tensors = released(RESNET)
    torch.save(tensors, tmp_path / "clip.pt")
    write_vocabulary(tmp_path, TOKENIZER)
    model, _, tokenizer = trainer.load(tmp_path / "clip.pt", device="cpu")
    write_model(Folder(str(tmp_path / "ours")), "final", model, tokenizer)
    assert load(tmp_path / "ours").fingerprint == model.fingerprint
    convolution = model.image_encoder.layer1[0].conv2.weight
    assert convolution.is_contiguous(memory_format=torch.channels_last)


def test_counts_of_batch_norm_are_not_named(tmp_path: Path) -> None:
    resnet = CLIP(replace(RESNET, embed_dim=8))
    found = []
    for count in (0, 7):
        for name, buffer in resnet.named_buffers():
            if name.endswith("num_batches_tracked"):
                buffer.fill_(count)
        write_model(Folder(str(tmp_path / str(count))), "final", resnet, TOKENIZER)
        found.append(load(tmp_path / str(count)).fingerprint)
    assert found[0] == found[1]
