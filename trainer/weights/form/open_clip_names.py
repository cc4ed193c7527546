"""Names of tensors in the weights of open_clip and of OpenAI's release."""

import re

from trainer.weights.form.naming import IMAGE, TEXT, Naming, Source

_POOL_BEFORE = re.compile(r"\.downsample\.(\d)\.")


def open_clip_source(ours: str) -> Source:
    """Return the source of one of our tensors."""
    name = f"visual.{ours.removeprefix(IMAGE)}" if ours.startswith(IMAGE) else ours.removeprefix(TEXT)
    name = re.sub(r"\.attn\.in_proj\.(weight|bias)$", r".attn.in_proj_\1", name)
    # the pool of a shortcut is number -1 there, and 0 here
    name = _POOL_BEFORE.sub(lambda match: f".downsample.{int(match[1]) - 1}.", name)
    return Source((name,))


OPEN_CLIP = Naming(
    title="open_clip or OpenAI",
    mark="visual.conv1.weight",
    source=open_clip_source,
    of_image=("visual.",),
    of_text=(
        "transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "logit_", "cls_emb",
    ),
)  # fmt: skip
