"""The models by name: geometry and training recipe as plain values.

The paper's models are those of CLIP's Tables 19 and 20 (learning rates of RN50x4 to RN50x64 as Table 19 is
remembered); the tiny ones are ours, for 64-pixel images on a CPU.
"""

from dataclasses import dataclass
from typing import Literal

Activation = Literal["quick_gelu", "gelu"]
"""Of the MLPs: the release's approximation x * sigmoid(1.702 x), or the exact function of most models since."""

LossName = Literal["contrastive", "sigmoid"]

VOCAB_SIZE = 49_408
"""512 byte symbols, 48,894 merges, [SOS] and [EOS]: the released model's vocabulary (the paper says 49,152)."""
NUM_SYMBOLS, NUM_SPECIALS = 512, 2
"""What each vocabulary holds: the 256 bytes, inside and at the end of a word; [SOS] and [EOS]."""
MIN_VOCAB_SIZE = NUM_SYMBOLS + NUM_SPECIALS


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """A vision transformer as image encoder."""

    image_px: int
    patch_px: int
    width: int
    layers: int
    heads: int
    mlp_width: int | None = None
    """Inside the MLPs; None: 4 * width."""
    activation: Activation = "quick_gelu"
    pre_norm: bool = True
    """Layer normalisation before the blocks, as CLIP has it and other ViTs have not."""
    layer_norm_eps: float = 1e-5

    @property
    def num_groups(self) -> int:
        """Groups of its parts that are locked or trained: embeddings, blocks, projection."""
        return self.layers + 2

    @property
    def step_px(self) -> int:
        """What the side of an image must be a multiple of."""
        return self.patch_px


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """A modified ResNet as image encoder (CLIP, section 2.4): three-convolution stem, attention pool."""

    image_px: int
    width: int
    blocks: tuple[int, int, int, int]

    @property
    def pool_width(self) -> int:
        return 32 * self.width

    @property
    def heads(self) -> int:
        """Heads of the attention pool: 64 channels each, as in the paper."""
        return max(1, self.pool_width // 64)

    @property
    def num_groups(self) -> int:
        """Groups of its parts that are locked or trained: stem, blocks, attention pool."""
        return sum(self.blocks) + 2

    @property
    def step_px(self) -> int:
        """What the side of an image must be a multiple of: stem and stages halve it five times."""
        return 32


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """The causal text transformer. `vocab_size` is the most the tokenizer may reach."""

    width: int
    layers: int
    heads: int
    context_length: int = 77
    vocab_size: int = VOCAB_SIZE
    mlp_width: int | None = None
    """Inside the MLPs; None: 4 * width."""
    activation: Activation = "quick_gelu"

    @property
    def num_groups(self) -> int:
        """Groups of its parts that are locked or trained: embeddings, blocks, projection."""
        return self.layers + 2


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Geometry of one CLIP model."""

    embed_dim: int
    image: ViTConfig | ResNetConfig
    text: TextConfig
    loss: LossName = "contrastive"
    """What the logits are for: for the sigmoid loss they have a bias, and another first scale."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Training defaults of a preset (CLIP, section 2.5 and Tables 18, 19)."""

    learning_rate: float
    beta1: float = 0.9
    beta2: float
    eps: float
    weight_decay: float = 0.2
    warmup_steps: int = 2_000
    global_batch_size: int = 32_768
    epochs: float = 32.0
    batch_norm_rows: int | None = None
    """Rows that BatchNorm sees at once, on whatever number of workers; None: those that a worker has. The paper's
    ResNets saw what a GPU held of the batch (section 2.5)."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model with its recipe."""

    model: ModelConfig
    recipe: Recipe


def _vit(embed_dim: int, image: ViTConfig, text: TextConfig, learning_rate: float) -> Preset:
    recipe = Recipe(learning_rate=learning_rate, beta2=0.98, eps=1e-6)
    return Preset(model=ModelConfig(embed_dim=embed_dim, image=image, text=text), recipe=recipe)


def _resnet(
    embed_dim: int, image: ResNetConfig, text: TextConfig, learning_rate: float, batch_norm_rows: int = 128
) -> Preset:
    recipe = Recipe(learning_rate=learning_rate, beta2=0.999, eps=1e-8, batch_norm_rows=batch_norm_rows)
    return Preset(model=ModelConfig(embed_dim=embed_dim, image=image, text=text), recipe=recipe)


_TEXT_512 = TextConfig(width=512, layers=12, heads=8)
_TEXT_640 = TextConfig(width=640, layers=12, heads=10)
_TEXT_768 = TextConfig(width=768, layers=12, heads=12)
_TEXT_1024 = TextConfig(width=1024, layers=12, heads=16)
_TEXT_TINY = TextConfig(width=128, layers=2, heads=4, context_length=32, vocab_size=4_096)

_TINY_RECIPE = Recipe(
    learning_rate=2e-3, beta2=0.98, eps=1e-6, weight_decay=0.1, warmup_steps=50, global_batch_size=256, epochs=10.0
)

PRESETS: dict[str, Preset] = {
    "rn50": _resnet(1024, ResNetConfig(image_px=224, width=64, blocks=(3, 4, 6, 3)), _TEXT_512, 5e-4),
    "rn101": _resnet(512, ResNetConfig(image_px=224, width=64, blocks=(3, 4, 23, 3)), _TEXT_512, 5e-4),
    "rn50x4": _resnet(640, ResNetConfig(image_px=288, width=80, blocks=(4, 6, 10, 6)), _TEXT_640, 5e-4),
    "rn50x16": _resnet(768, ResNetConfig(image_px=384, width=96, blocks=(6, 8, 18, 8)), _TEXT_768, 4e-4, 64),
    "rn50x64": _resnet(1024, ResNetConfig(image_px=448, width=128, blocks=(3, 15, 36, 10)), _TEXT_1024, 3.6e-4, 64),
    "vit-b-32": _vit(512, ViTConfig(image_px=224, patch_px=32, width=768, layers=12, heads=12), _TEXT_512, 5e-4),
    "vit-b-16": _vit(512, ViTConfig(image_px=224, patch_px=16, width=768, layers=12, heads=12), _TEXT_512, 5e-4),
    "vit-l-14": _vit(768, ViTConfig(image_px=224, patch_px=14, width=1024, layers=24, heads=16), _TEXT_768, 4e-4),
    "vit-l-14-336": Preset(
        model=ModelConfig(
            embed_dim=768,
            image=ViTConfig(image_px=336, patch_px=14, width=1024, layers=24, heads=16),
            text=_TEXT_768,
        ),
        recipe=Recipe(learning_rate=2e-5, beta2=0.98, eps=1e-6, epochs=1.0),
    ),
    "rn-tiny": Preset(
        model=ModelConfig(
            embed_dim=128, image=ResNetConfig(image_px=64, width=16, blocks=(1, 1, 1, 1)), text=_TEXT_TINY
        ),
        recipe=_TINY_RECIPE,
    ),
    "vit-tiny": Preset(
        model=ModelConfig(
            embed_dim=128,
            image=ViTConfig(image_px=64, patch_px=8, width=128, layers=4, heads=4),
            text=_TEXT_TINY,
        ),
        recipe=_TINY_RECIPE,
    ),
}
"""``vit-l-14-336`` is meant for one more epoch, from ``vit-l-14``'s weights, at 336 pixels. On CPUs ``rn-tiny`` sees
two to three times the samples/s of ``vit-tiny`` and learns more from each."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What replaces a model's recipe where given weights are trained on."""

    learning_rate: float
    epochs: float


TUNINGS: dict[str, Tuning] = {
    "larger-images": Tuning(learning_rate=2e-5, epochs=1.0),  # CLIP, section 2.5: one epoch at 336 pixels
    "unmasked": Tuning(learning_rate=5e-6, epochs=0.3),  # FLIP, arXiv 2212.00794, section 3.2: about 0.32 epochs
    "all-weights": Tuning(learning_rate=1e-5, epochs=1.0),  # WiSE-FT, arXiv 2109.01903: small rates, then interpolated
}
"""Recipes for fine-tuning by name; rates beside the sources are ours."""


def find_preset(name: str) -> Preset:
    """Return the preset `name`. Raises ValueError that lists the names."""
    if name not in PRESETS:
        raise ValueError(f"model must be one of {', '.join(PRESETS)}; found {name!r}")
    return PRESETS[name]
