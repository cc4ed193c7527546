"""Names of tensors in the weights of timm's ``VisionTransformer``."""

import re

from trainer.weights.form.naming import IMAGE, Naming, Source

_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)\.(weight|bias)$")
_PARTS = {
    "ln_1": "norm1",
    "attn.in_proj": "attn.qkv",
    "attn.out_proj": "attn.proj",
    "ln_2": "norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_SINGLES = {
    f"{IMAGE}class_embedding": "cls_token",
    f"{IMAGE}conv1.weight": "patch_embed.proj.weight",
    f"{IMAGE}positional_embedding": "pos_embed",
    f"{IMAGE}ln_pre.weight": "norm_pre.weight",
    f"{IMAGE}ln_pre.bias": "norm_pre.bias",
    f"{IMAGE}ln_post.weight": "norm.weight",
    f"{IMAGE}ln_post.bias": "norm.bias",
}

PRE_NORM = "norm_pre.weight"
"""In the weights of ViTs that have CLIP's norm before the blocks."""


def timm_source(ours: str) -> Source | None:
    """Return the source of one of our tensors: None for the projection and what is not the image encoder's."""
    if ours in _SINGLES:
        return Source((_SINGLES[ours],))
    match = _BLOCK.search(ours)
    if match is None or not ours.startswith(IMAGE) or match[2] not in _PARTS:
        return None
    return Source((f"blocks.{match[1]}.{_PARTS[match[2]]}.{match[3]}",))


TIMM = Naming(
    title="timm's VisionTransformer",
    mark="patch_embed.proj.weight",
    source=timm_source,
    of_image=(
        "cls_token",
        "reg_token",
        "pos_embed",
        "patch_embed.",
        "norm_pre.",
        "blocks.",
        "norm.",
        "fc_norm.",
        "attn_pool.",
    ),
    patch_bias="patch_embed.proj.bias",
)
