"""CLIPs of `transformers` with random weights, and ours compared with what other implementations computed.

Shapes: N pairs, P pixels per side, L positions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainer.data.packed_texts import PackedTexts
from trainer.loss.contrastive import contrastive_loss
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ViTConfig
from trainer.tokenizer import CaptionTokenizer, train_tokenizer
from trainer.weights.convert import convert
from trainer.weights.form.naming import Naming, plain_name
from trainer.weights.normalisation import Normalisation
from trainer.workers.distributed import World

TOLERANCE = 1e-4
"""Of the largest value of each tensor, in float32."""

ONE = World(0, 1, torch.device("cpu"))


@dataclass(frozen=True)
class Pairs:
    """What both models see."""

    images_N3PP: torch.Tensor
    tokens_NL: torch.Tensor
    eos_N: torch.Tensor

    @property
    def texts(self) -> PackedTexts:
        rows = zip(self.tokens_NL.tolist(), self.eos_N.tolist(), strict=True)
        return PackedTexts.from_rows([row[: eos + 1] for row, eos in rows])


def small_tokenizer(context_length: int) -> CaptionTokenizer:
    captions = ["a red star on grey", "Two blue circles", "it's a star, isn't it?", "été 42"] * 3
    return train_tokenizer(captions, vocab_size=600, context_length=context_length)


def random_pairs(config: ModelConfig, num: int, seed: int = 0) -> Pairs:
    """Return images and texts of random tokens; the vocabulary's last token is [EOS], as CLIP has it."""
    generator = torch.Generator().manual_seed(seed)
    side, length, vocab_size = config.image.image_px, config.text.context_length, config.text.vocab_size
    images = torch.randint(0, 256, (num, 3, side, side), dtype=torch.uint8, generator=generator)
    tokens = torch.randint(1, vocab_size - 2, (num, length), generator=generator)
    eos = torch.randint(2, length, (num,), generator=generator)
    tokens[torch.arange(num), eos] = vocab_size - 1
    tokens[torch.arange(length) > eos[:, None]] = 0
    return Pairs(images, tokens, eos)


@contextmanager
def _drawn_alike() -> Iterator[None]:
    state = torch.get_rng_state()
    torch.manual_seed(7)
    yield
    torch.set_rng_state(state)


def transformers_config(config: ModelConfig) -> Any:
    import transformers

    image, text = config.image, config.text
    assert isinstance(image, ViTConfig)
    return transformers.CLIPConfig(
        text_config={
            "vocab_size": text.vocab_size, "hidden_size": text.width, "num_hidden_layers": text.layers,
            "intermediate_size": text.mlp_width or 4 * text.width, "num_attention_heads": text.heads,
            "max_position_embeddings": text.context_length, "hidden_act": text.activation,
            "bos_token_id": text.vocab_size - 2, "eos_token_id": text.vocab_size - 1, "pad_token_id": 0,
        },
        vision_config={
            "image_size": image.image_px, "patch_size": image.patch_px, "hidden_size": image.width,
            "intermediate_size": image.mlp_width or 4 * image.width, "num_hidden_layers": image.layers,
            "num_attention_heads": image.heads, "hidden_act": image.activation,
            "layer_norm_eps": image.layer_norm_eps,
        },
        projection_dim=config.embed_dim,
    )  # fmt: skip


def transformers_clip(config: ModelConfig) -> Any:
    """Return a `transformers.CLIPModel` of this geometry; gains and biases are no longer ones and zeros, which hide."""
    import transformers

    with _drawn_alike():
        model = transformers.CLIPModel(transformers_config(config)).eval()
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.data.add_(0.02 * torch.randn_like(parameter))
    return model


def normalised(model: CLIP, images_N3PP: torch.Tensor) -> torch.Tensor:
    return (images_N3PP.float() / 255 - model.image_mean) / model.image_std


def their_results(theirs: Any, pixels_N3PP: torch.Tensor, pairs: Pairs) -> dict[str, torch.Tensor]:
    """Return features, loss and gradients (``grad/NAME``) of a `transformers.CLIPModel`."""
    theirs.zero_grad()
    found = theirs(input_ids=pairs.tokens_NL, pixel_values=pixels_N3PP, return_loss=True)
    found.loss.backward()
    gradients = {f"grad/{name}": parameter.grad for name, parameter in theirs.named_parameters()}
    return {"image": found.image_embeds.detach(), "text": found.text_embeds.detach(), "loss": found.loss.detach()} | (
        gradients
    )


def assert_equal_results(ours: CLIP, pairs: Pairs, theirs: Mapping[str, torch.Tensor], naming: Naming) -> None:
    """Compare features, loss and each weight's gradient with what another implementation found for equal weights."""
    ours.zero_grad()
    image, text, scale = ours(pairs.images_N3PP, pairs.texts)
    loss = contrastive_loss(image, text, scale, ONE, len(image))
    loss.backward()
    _assert_close("image features", image.detach(), theirs["image"])
    _assert_close("text features", text.detach(), theirs["text"])
    _assert_close("loss", loss.detach(), theirs["loss"])
    gradients = {plain_name(name.removeprefix("grad/")): tensor for name, tensor in theirs.items() if "grad/" in name}
    parameters = dict(ours.named_parameters())
    wanted = convert(
        {name: parameter.shape for name, parameter in parameters.items()}, gradients, naming, Normalisation(), "them"
    ).tensors
    assert wanted.keys() == parameters.keys()
    for name, parameter in parameters.items():
        assert parameter.grad is not None
        # a key's bias moves all scores of a row alike, so its gradient is 0 but for rounding: measured by the value's
        beside = wanted[name.replace("k_proj.bias", "v_proj.bias")]
        _assert_close(name, parameter.grad, wanted[name], float(beside.abs().max()))


def _assert_close(what: str, found: torch.Tensor, wanted: torch.Tensor, largest: float | None = None) -> None:
    assert torch.isfinite(found).all(), what
    if largest is None:
        largest = float(wanted.abs().max())
    assert largest > 0, what
    assert float((found - wanted).abs().max()) <= TOLERANCE * largest, what


def write_transformers_folder(
    path: Path, model: Any, tokenizer: CaptionTokenizer | None = None, **options: Any
) -> Path:
    """Save a model as its project does, with ``vocab.json`` and ``merges.txt`` if it has a tokenizer."""
    model.save_pretrained(path, **options)
    if tokenizer is not None:
        write_vocabulary(path, tokenizer)
    return path


def write_vocabulary(path: Path, tokenizer: CaptionTokenizer) -> None:
    """Write ``vocab.json`` and ``merges.txt`` as transformers does."""
    import json

    body = json.loads(tokenizer.to_json())["tokenizer"]["model"]
    (path / "vocab.json").write_text(json.dumps(body["vocab"], ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in body["merges"])]
    (path / "merges.txt").write_text("\n".join(lines) + "\n")
