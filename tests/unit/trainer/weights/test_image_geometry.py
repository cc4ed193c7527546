"""Image encoders alone: the features of transformers' and timm's ViTs, whose activation and norms they bring."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from schemas.storage import Folder
from tests.support.foreign_models import ONE, small_tokenizer
from trainer.assembly import make_model
from trainer.config import TrainConfig
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import model_config_to_json
from trainer.saving.safetensors_header import read_names
from trainer.weights.begin import read_beginning
from trainer.weights.image_geometry import with_image_of

TOKENIZER = small_tokenizer(12)
MODEL = ModelConfig(
    embed_dim=16,
    image=ViTConfig(image_px=32, patch_px=8, width=32, layers=2, heads=4),
    text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size),
)


def vit_folder(path: Path, **changes: Any) -> tuple[Any, Path]:
    """Write a ViT of transformers with random weights; its normalisation is its own."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    options = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 100,
               "image_size": 32, "patch_size": 8} | changes  # fmt: skip
    torch.manual_seed(0)
    theirs = transformers.ViTModel(transformers.ViTConfig(**options)).eval()
    for parameter in theirs.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    theirs.save_pretrained(path)
    return theirs, path


def begin(tmp_path: Path, path: Path, model: ModelConfig = MODEL, **options: Any) -> CLIP:
    geometry = tmp_path / "geometry.json"
    geometry.write_text(json.dumps(model_config_to_json(model)))
    config = TrainConfig(shards=("s",), output="o", model=str(geometry), init_image_from=str(path), **options)
    return make_model(config, TOKENIZER, ONE, read_beginning(config, ONE)).eval()


@pytest.mark.parametrize("means", [None, ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])], ids=["its default", "told"])
def test_a_vit_of_transformers_gives_its_features(
    tmp_path: Path, means: tuple[list[float], list[float]] | None
) -> None:
    theirs, folder = vit_folder(tmp_path / "vit")
    mean, std = means or ([0.5] * 3, [0.5] * 3)
    if means is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": mean, "image_std": std}))
    ours = begin(tmp_path, folder)
    assert ours.config.image == ViTConfig(
        image_px=32, patch_px=8, width=32, layers=2, heads=4, mlp_width=100, activation="gelu", pre_norm=False,
        layer_norm_eps=1e-12,
    )  # fmt: skip
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    shape = (1, 3, 1, 1)
    pixels = (images / 255 - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)
    wanted = theirs(pixel_values=pixels).last_hidden_state[:, 0] @ ours.image_encoder.proj
    found = ours.image_encoder((images / 255 - ours.image_mean) / ours.image_std, torch.ones(3), torch.zeros(3))
    assert float((found - wanted).detach().abs().max()) <= 1e-4 * float(wanted.detach().abs().max())


def test_locked_it_trains_its_new_projection_and_the_texts_alone(tmp_path: Path) -> None:
    _, folder = vit_folder(tmp_path / "vit")
    model = begin(tmp_path, folder, lock_image=True)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in trained if name.startswith("image")} == {"image_encoder.proj"}
    assert any(name.startswith("text_encoder.") for name in trained)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 40}, "has width 40, the model 32; give the --model whose image encoder it is"),
        ({"num_hidden_layers": 3}, "has layers 3, the model 2"),
        ({"num_attention_heads": 2}, "has heads 2, the model 4"),
        ({"hidden_act": "relu"}, "hidden_act must be one of quick_gelu, gelu, found 'relu'"),
        ({"qkv_bias": False}, "qkv_bias must be true, found False"),
    ],
    ids=["width", "layers", "heads", "activation", "biases"],
)
def test_another_vit_than_the_models_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    _, folder = vit_folder(tmp_path / "vit", **changes)
    with pytest.raises(ValueError, match=message):
        with_image_of(MODEL, str(folder))


def timm_weights(*, pre_norm: bool = False) -> dict[str, torch.Tensor]:
    """Random weights under the names, and of the shapes, of timm 1.0's ``VisionTransformer``."""
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, 32), "pos_embed": (1, 17, 32), "patch_embed.proj.weight": (32, 3, 8, 8),
        "norm.weight": (32,), "norm.bias": (32,), "head.weight": (10, 32), "head.bias": (10,),
    }  # fmt: skip
    shapes |= {"norm_pre.weight": (32,), "norm_pre.bias": (32,)} if pre_norm else {"patch_embed.proj.bias": (32,)}
    for block in ("blocks.0", "blocks.1"):
        for norm in ("norm1", "norm2"):
            shapes |= {f"{block}.{norm}.weight": (32,), f"{block}.{norm}.bias": (32,)}
        for name, (rows, columns) in {"attn.qkv": (96, 32), "attn.proj": (32, 32), "mlp.fc1": (128, 32),
                                      "mlp.fc2": (32, 128)}.items():  # fmt: skip
            shapes |= {f"{block}.{name}.weight": (rows, columns), f"{block}.{name}.bias": (rows,)}
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.mark.parametrize("pre_norm", [False, True], ids=["plain", "of CLIP's kind"])
def test_timms_weights_fill_the_image_encoder(tmp_path: Path, pre_norm: bool) -> None:
    weights = timm_weights(pre_norm=pre_norm)
    path = tmp_path / "model.safetensors"
    save_file(weights, path)
    ours = begin(tmp_path, path)
    assert isinstance(ours.config.image, ViTConfig)
    eps = 1e-5 if pre_norm else 1e-6
    found = ours.config.image
    assert (found.activation, found.pre_norm, found.layer_norm_eps) == ("gelu", pre_norm, eps)
    state = ours.state_dict()
    assert torch.equal(state["image_encoder.class_embedding"], weights["cls_token"][0, 0])
    assert torch.equal(state["image_encoder.positional_embedding"][0], weights["pos_embed"][0, 0])
    block = "image_encoder.transformer.resblocks.1"
    assert torch.equal(state[f"{block}.attn.in_proj.weight"], weights["blocks.1.attn.qkv.weight"])
    assert torch.equal(state[f"{block}.mlp.c_proj.bias"], weights["blocks.1.mlp.fc2.bias"])


@pytest.mark.parametrize("name", ["reg_token", "fc_norm.weight", "blocks.0.ls1.gamma", "blocks.2.norm1.weight"])
def test_what_our_vit_lacks_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    save_file(timm_weights() | {name: torch.ones(32)}, path)
    with pytest.raises(ValueError, match=f"the model has no place for tensor '{name}'"):
        begin(tmp_path, path)


def test_a_vit_is_no_resnet_and_no_whole_clip(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(timm_weights(), path)
    resnet = replace(MODEL, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1)))
    with pytest.raises(ValueError, match="is a ViT, the model's image encoder a ResNet"):
        with_image_of(resnet, str(path))
    geometry = tmp_path / "geometry.json"
    geometry.write_text(json.dumps(model_config_to_json(MODEL)))
    config = TrainConfig(shards=("s",), output="o", model=str(geometry), init_from=str(path), tokenizer=str(tmp_path))
    (tmp_path / "tokenizer.json").write_bytes(TOKENIZER.to_json())
    with pytest.raises(ValueError, match=r"is an image encoder alone .* give it as --init-image-from"):
        make_model(config, TOKENIZER, ONE, read_beginning(config, ONE))


def test_names_are_read_of_the_header_alone(tmp_path: Path) -> None:
    save_file(timm_weights(), tmp_path / "a.safetensors", metadata={"format": "pt"})
    whole = (tmp_path / "a.safetensors").read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    (tmp_path / "a.safetensors").write_bytes(whole[:length])
    assert set(read_names(Folder(str(tmp_path)), "a.safetensors", "--x")) == timm_weights().keys()
    for data in (b"", b"\xff" * 64, b"\x02" + bytes(7) + b"{]"):
        (tmp_path / "a.safetensors").write_bytes(data)
        with pytest.raises(ValueError, match=r"--x: .*a\.safetensors: expected a safetensors file, its header is none"):
            read_names(Folder(str(tmp_path)), "a.safetensors", "--x")
    with pytest.raises(ValueError, match=r"a\.bin: an image encoder alone is read from safetensors"):
        read_names(Folder(str(tmp_path)), "a.bin", "--x")
