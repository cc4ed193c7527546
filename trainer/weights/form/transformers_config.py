"""``config.json`` of a CLIP or ViT of Hugging Face transformers as our geometry, and our geometry as one of a CLIP.

What theirs leaves out has defaults; ours leaves nothing out that decides a feature.
"""

from typing import Any

from schemas.json_shape import check_json
from trainer.presets import Activation, ModelConfig, TextConfig, ViTConfig

_WHAT = "a config.json of transformers"
_ENCODER = {
    "hidden_size?": int, "intermediate_size?": int, "num_hidden_layers?": int, "num_attention_heads?": int,
    "layer_norm_eps?": float, "hidden_act?": str,
}  # fmt: skip
_IMAGE = _ENCODER | {"image_size?": int, "patch_size?": int, "num_channels?": int}
_TEXT = _ENCODER | {"vocab_size?": int, "max_position_embeddings?": int}
_ACTIVATIONS: dict[str, Activation] = {"quick_gelu": "quick_gelu", "gelu": "gelu"}
_OUR_EPS = 1e-5
_OLD_EOS = 2
"""The ``eos_token_id`` of configs written before transformers looked for it: there the highest id of a text counts."""


def model_of_transformers(body: dict[str, Any], where: str) -> ModelConfig:
    """Return the geometry of a ``CLIPModel``. Raises ValueError that names `where` and what our encoders lack."""
    image, text = (
        {**(body.get(f"{kind}_config") or {}), **(body.get(f"{kind}_config_dict") or {})} for kind in ("vision", "text")
    )
    check_json(body, {"projection_dim?": int}, where, _WHAT)
    check_json(text, _TEXT, f"{where}: text_config", _WHAT)
    if text.get("layer_norm_eps", _OUR_EPS) != _OUR_EPS:
        raise ValueError(f"{where}: text_config.layer_norm_eps must be {_OUR_EPS}, found {text['layer_norm_eps']!r}")
    width = text.get("hidden_size", 512)
    return ModelConfig(
        embed_dim=body.get("projection_dim", 512),
        image=_vit(image, f"{where}: vision_config", patch_px=32, activation="quick_gelu", eps=1e-5),
        text=TextConfig(
            width=width,
            layers=text.get("num_hidden_layers", 12),
            heads=text.get("num_attention_heads", 8),
            context_length=text.get("max_position_embeddings", 77),
            vocab_size=text.get("vocab_size", 49_408),
            mlp_width=_mlp_width(width, text.get("intermediate_size", 2048)),
            activation=_activation(text.get("hidden_act", "quick_gelu"), f"{where}: text_config"),
        ),
    )


def config_for_transformers(model: ModelConfig, *, sos: int, eos: int) -> dict[str, Any]:
    """Return the ``config.json`` of a ``CLIPModel``, which `model_of_transformers` reads as `model`, but for its loss.

    `sos` and `eos` are ids of the tokenizer: the text's feature is taken at the first `eos`. Raises ValueError for what
    ``CLIPModel`` has no place for.
    """
    image, text = model.image, model.text
    if not isinstance(image, ViTConfig):
        raise ValueError("transformers has no class for CLIP's ResNets; give --format open_clip, onnx or safetensors")
    if not image.pre_norm:
        raise ValueError(
            "transformers' CLIPModel has a norm before the image encoder's blocks, which this model has not; give "
            "--format open_clip, onnx or safetensors"
        )
    if eos == _OLD_EOS:
        raise ValueError(
            f"the tokenizer's [EOS] has the id {_OLD_EOS}, which transformers takes for a sign of early configs, and "
            "looks for the highest id in its place; give --format onnx or safetensors"
        )
    ids = {"bos_token_id": sos, "eos_token_id": eos, "pad_token_id": eos}
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": model.embed_dim,
        "text_config": {
            **ids,
            **_encoder(text),
            "layer_norm_eps": _OUR_EPS,
            "max_position_embeddings": text.context_length,
            "model_type": "clip_text_model",
            "projection_dim": model.embed_dim,
            "vocab_size": text.vocab_size,
        },
        "vision_config": {
            **_encoder(image),
            "image_size": image.image_px,
            "layer_norm_eps": image.layer_norm_eps,
            "model_type": "clip_vision_model",
            "num_channels": 3,
            "patch_size": image.patch_px,
            "projection_dim": model.embed_dim,
        },
    }


def _encoder(encoder: ViTConfig | TextConfig) -> dict[str, Any]:
    return {
        "attention_dropout": 0.0,
        "hidden_act": encoder.activation,
        "hidden_size": encoder.width,
        "intermediate_size": encoder.mlp_width or 4 * encoder.width,
        "num_attention_heads": encoder.heads,
        "num_hidden_layers": encoder.layers,
    }


def vit_of_transformers(body: dict[str, Any], where: str) -> ViTConfig:
    """Return the geometry of a ``ViTModel``: no norm before its blocks."""
    if not body.get("qkv_bias", True):
        raise ValueError(f"{where}: qkv_bias must be true, found {body['qkv_bias']!r}")
    return _vit(body, where, patch_px=16, activation="gelu", eps=1e-12, pre_norm=False)


def _vit(
    image: dict[str, Any], where: str, *, patch_px: int, activation: str, eps: float, pre_norm: bool = True
) -> ViTConfig:
    check_json(image, _IMAGE, where, _WHAT)
    if image.get("num_channels", 3) != 3:
        raise ValueError(f"{where}.num_channels must be 3, found {image['num_channels']!r}")
    width = image.get("hidden_size", 768)
    return ViTConfig(
        image_px=image.get("image_size", 224),
        patch_px=image.get("patch_size", patch_px),
        width=width,
        layers=image.get("num_hidden_layers", 12),
        heads=image.get("num_attention_heads", 12),
        mlp_width=_mlp_width(width, image.get("intermediate_size", 3072)),
        activation=_activation(image.get("hidden_act", activation), where),
        pre_norm=pre_norm,
        layer_norm_eps=image.get("layer_norm_eps", eps),
    )


def _mlp_width(width: int, mlp_width: int) -> int | None:
    return None if mlp_width == 4 * width else mlp_width


def _activation(name: str, where: str) -> Activation:
    if name not in _ACTIVATIONS:
        raise ValueError(f"{where}.hidden_act must be one of {', '.join(_ACTIVATIONS)}, found {name!r}")
    return _ACTIVATIONS[name]
