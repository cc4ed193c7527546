"""Names of tensors in the weights of Hugging Face transformers' ``CLIPModel`` and ``ViTModel``."""

import re

from trainer.weights.form.naming import IMAGE, TEXT, Naming, Source

_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)\.(weight|bias)")
_CLIP_PARTS = {
    "ln_1": ("layer_norm1",),
    "attn.in_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attn.out_proj": ("self_attn.out_proj",),
    "ln_2": ("layer_norm2",),
    "mlp.c_fc": ("mlp.fc1",),
    "mlp.c_proj": ("mlp.fc2",),
}
_VIT_PARTS = {
    "ln_1": ("layernorm_before",),
    "attn.in_proj": tuple(f"attention.attention.{part}" for part in ("query", "key", "value")),
    "attn.out_proj": ("attention.output.dense",),
    "ln_2": ("layernorm_after",),
    "mlp.c_fc": ("intermediate.dense",),
    "mlp.c_proj": ("output.dense",),
}
_CLIP_SINGLES = {
    f"{IMAGE}class_embedding": Source(("vision_model.embeddings.class_embedding",)),
    f"{IMAGE}conv1.weight": Source(("vision_model.embeddings.patch_embedding.weight",)),
    f"{IMAGE}positional_embedding": Source(("vision_model.embeddings.position_embedding.weight",)),
    f"{IMAGE}proj": Source(("visual_projection.weight",), is_transposed=True),
    f"{TEXT}token_embedding.weight": Source(("text_model.embeddings.token_embedding.weight",)),
    f"{TEXT}positional_embedding": Source(("text_model.embeddings.position_embedding.weight",)),
    f"{TEXT}text_projection": Source(("text_projection.weight",), is_transposed=True),
    "logit_scale": Source(("logit_scale",)),
}
_CLIP_NORMS = {
    f"{IMAGE}ln_pre": "vision_model.pre_layrnorm",
    f"{IMAGE}ln_post": "vision_model.post_layernorm",
    f"{TEXT}ln_final": "text_model.final_layer_norm",
}
_VIT_SINGLES = {
    f"{IMAGE}class_embedding": Source(("embeddings.cls_token",)),
    f"{IMAGE}conv1.weight": Source(("embeddings.patch_embeddings.projection.weight",)),
    f"{IMAGE}positional_embedding": Source(("embeddings.position_embeddings",)),
    f"{IMAGE}ln_post.weight": Source(("layernorm.weight",)),
    f"{IMAGE}ln_post.bias": Source(("layernorm.bias",)),
}


def clip_source(ours: str) -> Source | None:
    """Return the source of one of our tensors in a ``CLIPModel``, which has no ResNets."""
    if ours in _CLIP_SINGLES:
        return _CLIP_SINGLES[ours]
    norm, _, kind = ours.rpartition(".")
    if norm in _CLIP_NORMS:
        return Source((f"{_CLIP_NORMS[norm]}.{kind}",))
    tower = "vision_model" if ours.startswith(IMAGE) else "text_model"
    return _of_block(ours, f"{tower}.encoder.layers", _CLIP_PARTS)


def vit_source(ours: str) -> Source | None:
    """Return the source of one of our tensors in a ``ViTModel``: None for the projection and all but the encoder."""
    if ours in _VIT_SINGLES:
        return _VIT_SINGLES[ours]
    return _of_block(ours, "encoder.layer", _VIT_PARTS) if ours.startswith(IMAGE) else None


def _of_block(ours: str, prefix: str, parts: dict[str, tuple[str, ...]]) -> Source | None:
    match = _BLOCK.search(ours)
    if match is None or match[2] not in parts:
        return None
    return Source(tuple(f"{prefix}.{match[1]}.{part}.{match[3]}" for part in parts[match[2]]))


TRANSFORMERS_CLIP = Naming(
    title="transformers' CLIPModel",
    mark="vision_model.embeddings.patch_embedding.weight",
    source=clip_source,
    of_image=("vision_model.", "visual_projection."),
    of_text=("text_model.", "text_projection.", "logit_"),
)

TRANSFORMERS_VIT = Naming(
    title="transformers' ViTModel",
    mark="embeddings.patch_embeddings.projection.weight",
    source=vit_source,
    of_image=("embeddings.", "encoder.", "layernorm."),
    patch_bias="embeddings.patch_embeddings.projection.bias",
)
