"""A model config of open_clip (``model_configs/*.json``, ``open_clip_config.json``) as our geometry, and ours as one.

Fields whose value asks for what our encoders do not have are refused by name.
"""

from typing import Any

from schemas.json_shape import check_json
from trainer.presets import Activation, ModelConfig, ResNetConfig, TextConfig, ViTConfig

_WHAT = "a model config of open_clip"
_NUMBER = int | float
_EPS = 1e-5
"""Of the norms, where the config says nothing."""
_LOGIT_BIAS = -10.0
"""That there is a bias stands in the config; its value is in the weights."""
_SHAPE = {
    "embed_dim": int,
    "quick_gelu?": bool,
    "vision_cfg": {
        "layers?": int | list, "width?": int, "head_width?": int, "mlp_ratio?": _NUMBER, "image_size?": int,
        "patch_size?": int | type(None), "no_ln_pre?": bool, "norm_kwargs?": dict | type(None),
    },
    "text_cfg": {"context_length?": int, "vocab_size?": int, "width?": int, "heads?": int, "layers?": int,
                 "mlp_ratio?": _NUMBER},
}  # fmt: skip

_OF_BLOCKS = {
    "ls_init_value": None, "act_kwargs": None, "block_type": None, "qk_norm": False,
    "scaled_cosine_attn": False, "scale_heads": False, "scale_attn_inner": False, "scale_attn": False,
    "scale_fc": False, "final_ln_after_pool": False, "output_tokens": False,
}  # fmt: skip
_NEUTRAL: dict[str, dict[str, Any]] = {
    "": {
        "custom_text": ..., "cast_dtype": ..., "output_dict": ..., "init_logit_bias": ..., "init_logit_scale": None,
        "nonscalar_logit_scale": False, "multimodal_cfg": None,
    },
    "vision_cfg": _OF_BLOCKS | {
        "patch_dropout": 0, "attentional_pool": False, "attn_pooler_queries": ..., "attn_pooler_heads": ...,
        "pos_embed_type": "learnable", "pool_type": "tok", "timm_model_name": None, "timm_model_pretrained": ...,
        "timm_pool": ..., "timm_proj": ..., "timm_proj_bias": ..., "timm_drop": ..., "timm_drop_path": ...,
    },
    "text_cfg": _OF_BLOCKS | {
        "hf_tokenizer_name": ..., "tokenizer_mode": None, "tokenizer_kwargs": None, "embed_cls": False, "pad_id": ...,
        "norm_kwargs": None, "eos_id": ..., "no_causal_mask": False, "pool_type": "argmax", "proj_bias": False,
        "proj_type": "linear", "hf_model_name": None, "hf_model_pretrained": ..., "hf_proj_type": ...,
        "hf_pooler_type": ...,
    },
}  # fmt: skip
"""Further fields and the one value with which they ask for nothing that our encoders lack; ``...``: any."""


def is_open_clip_config(body: dict[str, Any]) -> bool:
    """Tell whether a JSON object is one of these configs, or holds one as ``open_clip_config.json`` does."""
    return "vision_cfg" in body or "model_cfg" in body


def model_of_open_clip(body: dict[str, Any], where: str) -> ModelConfig:
    """Return the geometry. Raises ValueError that names `where` and the field that our encoders do not have."""
    body = body.get("model_cfg", body)
    check_json(body, _SHAPE, where, _WHAT)
    for section, neutral in _NEUTRAL.items():
        _refuse_others(body if not section else body[section], section, neutral, where)
    activation: Activation = "quick_gelu" if body.get("quick_gelu", False) else "gelu"
    image, text = {"layers": 12, "width": 768, "image_size": 224} | body["vision_cfg"], body["text_cfg"]
    text_width = text.get("width", 512)
    return ModelConfig(
        embed_dim=body["embed_dim"],
        loss="contrastive" if body.get("init_logit_bias") is None else "sigmoid",
        image=_resnet(image, where) if isinstance(image["layers"], list) else _vit(image, activation, where),
        text=TextConfig(
            width=text_width,
            layers=text.get("layers", 12),
            heads=text.get("heads", 8),
            context_length=text.get("context_length", 77),
            vocab_size=text.get("vocab_size", 49_408),
            mlp_width=_mlp_width(text_width, text.get("mlp_ratio", 4.0)),
            activation=activation,
        ),
    )


def _refuse_others(body: dict[str, Any], section: str, neutral: dict[str, Any], where: str) -> None:
    known = {name.removesuffix("?") for name in (_SHAPE if not section else _SHAPE[section])}  # type: ignore[attr-defined]
    for name, value in body.items():
        field = f"{section}.{name}".lstrip(".")
        if name not in known and name not in neutral:
            raise ValueError(f"{where}: {field} is no field that this trainer knows, found {value!r}")
        wanted = neutral.get(name, ...)
        if wanted is not ... and value != wanted and (value or wanted):
            raise ValueError(
                f"{where}: {field} {value!r} asks for what this trainer's encoders do not have; known is {wanted!r}"
            )


def _vit(image: dict[str, Any], activation: Activation, where: str) -> ViTConfig:
    width, head_width = image["width"], image.get("head_width", 64)
    if width % head_width:
        raise ValueError(f"{where}: vision_cfg.width {width} is no multiple of head_width {head_width}")
    return ViTConfig(
        image_px=image["image_size"],
        patch_px=image.get("patch_size") or 16,
        width=width,
        layers=image["layers"],
        heads=width // head_width,
        mlp_width=_mlp_width(width, image.get("mlp_ratio", 4.0)),
        activation=activation,
        pre_norm=not image.get("no_ln_pre", False),
        layer_norm_eps=_eps(image.get("norm_kwargs") or {}, where),
    )


def _eps(norm: dict[str, Any], where: str) -> float:
    found: Any = norm.get("eps", _EPS)
    if norm.keys() - {"eps"} or not isinstance(found, float):
        raise ValueError(f"{where}: vision_cfg.norm_kwargs must hold eps alone, found {norm!r}")
    return found


def _resnet(image: dict[str, Any], where: str) -> ResNetConfig:
    blocks = image["layers"]
    if len(blocks) != 4 or not all(isinstance(number, int) and number > 0 for number in blocks):
        raise ValueError(f"{where}: vision_cfg.layers must be a number or four of them, found {blocks!r}")
    if image.get("head_width", 64) != 64:
        raise ValueError(f"{where}: vision_cfg.head_width must be 64 for a ResNet, found {image['head_width']!r}")
    return ResNetConfig(image_px=image["image_size"], width=image["width"], blocks=tuple(blocks))


def _mlp_width(width: int, ratio: float) -> int | None:
    return None if ratio == 4 else int(width * ratio)


def config_for_open_clip(model: ModelConfig) -> dict[str, Any]:
    """Return the model config that `model_of_open_clip` reads as `model`; what is as everywhere is left out.

    Raises ValueError for a model whose encoders have different activations: there is one for both.
    """
    image, text = model.image, model.text
    if isinstance(image, ViTConfig) and image.activation != text.activation:
        raise ValueError(
            f"open_clip has one activation for both encoders, this model {image.activation} for images and "
            f"{text.activation} for texts; give --format transformers, onnx or safetensors"
        )
    body = {
        "embed_dim": model.embed_dim,
        "quick_gelu": text.activation == "quick_gelu",
        "vision_cfg": _vit_cfg(image) if isinstance(image, ViTConfig) else _resnet_cfg(image),
        "text_cfg": {
            "context_length": text.context_length,
            "vocab_size": text.vocab_size,
            "width": text.width,
            "heads": text.heads,
            "layers": text.layers,
            **_mlp_ratio(text.width, text.mlp_width),
        },
    }
    return body if model.loss == "contrastive" else body | {"init_logit_bias": _LOGIT_BIAS}


def _vit_cfg(image: ViTConfig) -> dict[str, Any]:
    return {
        "image_size": image.image_px,
        "layers": image.layers,
        "width": image.width,
        "head_width": image.width // image.heads,
        "patch_size": image.patch_px,
        **_mlp_ratio(image.width, image.mlp_width),
        **({} if image.pre_norm else {"no_ln_pre": True}),
        **({} if image.layer_norm_eps == _EPS else {"norm_kwargs": {"eps": image.layer_norm_eps}}),
    }


def _resnet_cfg(image: ResNetConfig) -> dict[str, Any]:
    return {"image_size": image.image_px, "layers": list(image.blocks), "width": image.width, "patch_size": None}


def _mlp_ratio(width: int, mlp_width: int | None) -> dict[str, float]:
    """Return the ratio of which ``int(width * ratio)`` is the MLP's width, whatever is rounded."""
    return {} if mlp_width is None else {"mlp_ratio": (mlp_width + 0.5) / width}
