"""Weights that others made, on a CUDA GPU: the same tensors as in the file, ResNets in channels last, locks kept."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.foreign_models import small_tokenizer
from trainer.assembly import make_model
from trainer.config import TrainConfig
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.weights.begin import read_beginning
from trainer.workers.distributed import join_world

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

TOKENIZER = small_tokenizer(12)
TEXT = TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size)
VIT = ViTConfig(image_px=32, patch_px=8, width=16, layers=1, heads=2)
RESNET = ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1))


@pytest.mark.parametrize("image", [VIT, RESNET], ids=["vit", "resnet"])
def test_given_weights_lie_on_the_gpu_as_in_the_file(tmp_path: Path, image: ViTConfig | ResNetConfig) -> None:
    torch.manual_seed(0)
    model = CLIP(ModelConfig(embed_dim=8, image=image, text=TEXT))
    write_model(Folder(str(tmp_path)), "final", model, TOKENIZER)
    world = join_world(use_gpu=True)
    config = TrainConfig(shards=("s",), output="o", init_from=str(tmp_path), lock_image=True)
    found = make_model(config, TOKENIZER, world, read_beginning(config, world)).train()
    wanted = load_file(tmp_path / "final" / "model.safetensors")
    for name, tensor in found.state_dict().items():
        assert tensor.device.type == "cuda"
        assert torch.equal(tensor.cpu(), wanted[name]), name
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    model.eval()
    features = found.encode_images(images.cuda())
    assert not features.requires_grad
    torch.testing.assert_close(features.cpu(), model.encode_images(images).detach(), atol=1e-3, rtol=1e-3)
