"""CLIPs of `transformers` with random weights, and ours compared with what other implementations computed.

Shapes: N pairs, P pixels per side, L positions.
"""

import json
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
EXACT_TOLERANCE = 1e-6
"""Of the largest value of each tensor, where both compute in float64 and what they found is kept in float32."""

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


def early_form(tokenizer: CaptionTokenizer, **keys: bool) -> bytes:
    """Return the file that early versions wrote of a tokenizer: a Hugging Face one nested in keys of their own."""
    nested = json.loads(tokenizer.to_json())
    plain = {"type": "Sequence", "normalizers": nested["normalizer"]["normalizers"][-3:]}
    decoder = nested["decoder"]["decoders"][0]
    nested |= {"truncation": None, "normalizer": plain, "post_processor": None, "decoder": decoder}
    body = {"context_length": tokenizer.context_length, **keys, "tokenizer": nested}
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()


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
    """Return the pixels as others take them, in the precision of `model`."""
    return (images_N3PP.to(model.image_mean.dtype) / 255 - model.image_mean) / model.image_std


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
    """Compare the outputs, and each weight's gradient, with what another implementation found for equal weights.

    A model in float64 is held to `EXACT_TOLERANCE`.
    """
    ours.zero_grad()
    loss, scale = assert_equal_outputs(ours, pairs, theirs)
    loss.backward()
    gradients = {plain_name(name.removeprefix("grad/")): tensor for name, tensor in theirs.items() if "grad/" in name}
    parameters = dict(ours.named_parameters())
    wanted = convert(
        {name: parameter.shape for name, parameter in parameters.items()}, gradients, naming, Normalisation(), "them"
    ).tensors
    assert wanted.keys() == parameters.keys()
    for name, parameter in parameters.items():
        assert parameter.grad is not None
        # a key's bias moves all scores of a row alike, so its gradient is 0 but for rounding: measured by the value's
        largest = float(wanted[name.replace("k_proj.bias", "v_proj.bias")].abs().max())
        if name == "logit_scale":
            largest = scale_terms(theirs["image"], theirs["text"], scale.detach())
        _assert_close(name, parameter.grad, wanted[name], _tolerance(loss), largest)


def assert_equal_outputs(
    ours: CLIP, pairs: Pairs, theirs: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compare features and loss with what another implementation found; return our loss and scale."""
    image, text, scale = ours(pairs.images_N3PP, pairs.texts)
    loss = contrastive_loss(image, text, scale, ONE, len(image))
    for what, found in {"image": image, "text": text, "loss": loss}.items():
        _assert_close(what, found.detach(), theirs[what], _tolerance(loss))
    return loss, scale


def _tolerance(loss: torch.Tensor) -> float:
    return EXACT_TOLERANCE if loss.dtype == torch.float64 else TOLERANCE


def scale_terms(image_NE: torch.Tensor, text_NE: torch.Tensor, scale: torch.Tensor) -> float:
    """Return the sum of the absolute terms of the gradient by the scale's logarithm.

    It is the sum over i, j of (p_ij + q_ij - 2 [i = j]) / 2N * scale * <image_i, text_j>, with shares p of rows and q
    of columns. Their factors sum to 0, so what all cosines have in common cancels: with random weights they are
    nearly equal, and the sum is far smaller than its terms.
    """
    logits_NN = scale.double() * image_NE.double() @ text_NE.double().T
    factors_NN = logits_NN.softmax(0) + logits_NN.softmax(1) - 2 * torch.eye(len(logits_NN))
    return float((factors_NN * logits_NN).abs().sum()) / (2 * len(logits_NN))


def _assert_close(
    what: str, found: torch.Tensor, wanted: torch.Tensor, tolerance: float, largest: float | None = None
) -> None:
    """Check that the two differ by at most `tolerance` of `largest`, which is that of `wanted` by default.

    Where a value is the sum of terms that cancel, that of the terms is given in its place: each is rounded by its own
    size, so no implementation in that precision is nearer to the exact sum.
    """
    assert torch.isfinite(found).all(), what
    if largest is None:
        largest = float(wanted.abs().max())
    assert largest > 0, what
    part = float((found - wanted).abs().max()) / largest
    assert part <= tolerance, f"{what} differs by {part:.1e} of {largest:.2e}, expected at most {tolerance:.0e}"


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
    body = json.loads(tokenizer.to_json())["model"]
    (path / "vocab.json").write_text(json.dumps(body["vocab"], ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in body["merges"])]
    (path / "merges.txt").write_text("\n".join(lines) + "\n")
