"""The text encoder: a causal transformer whose output at the [EOS] position is the feature.

Shapes: N texts, T tokens of all of them, L positions, C channels, E embedding.
"""

import torch
import torch.nn.functional as F
from torch import nn

from trainer.data.packed_texts import PackedTexts
from trainer.model.layout import Padded, packed
from trainer.model.precision import has_flash
from trainer.model.transformer import Transformer
from trainer.presets import TextConfig


class TextTransformer(nn.Module):
    """Token ids to one feature per text (CLIP, section 2.4)."""

    def __init__(self, config: TextConfig, embed_dim: int) -> None:
        super().__init__()
        self.head_width = config.width // config.heads
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.width))
        self.transformer = Transformer(
            config.width, config.layers, config.heads, mlp_width=config.mlp_width, activation=config.activation
        )
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = nn.Parameter(torch.empty(config.width, embed_dim))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=config.width**-0.5)
        self.transformer.initialise_as_released()

    def forward(self, texts: PackedTexts) -> torch.Tensor:
        """Return features ``[N, E]``, not normalised, of texts of at most the context length."""
        flash = has_flash(self.text_projection, self.head_width)
        if flash:
            return self._project(self._blocks(texts, flash=True, pooled=True))
        by_length, places_N = texts.by_length()
        return self._project(self._blocks(by_length, flash=False, pooled=True).index_select(0, places_N))

    def encode_positions(self, texts: PackedTexts) -> torch.Tensor:
        """Return ``[T, C]``: what the last block gives at every token."""
        return self._blocks(texts, flash=has_flash(self.text_projection, self.head_width), pooled=False)

    def _blocks(self, texts: PackedTexts, *, flash: bool, pooled: bool) -> torch.Tensor:
        x_TC = self.token_embedding(texts.tokens_T) + F.embedding(texts.positions_T, self.positional_embedding)
        layout = packed(texts, len(self.positional_embedding), flash=flash)
        return self.transformer(x_TC, layout, pooled=pooled)

    def encode_padded(self, tokens_NL: torch.Tensor, eos_N: torch.Tensor) -> torch.Tensor:
        """Return features ``[N, E]``, not normalised; ``eos_N`` is the position of [EOS] in each row.

        The same as `forward` gives, and what it is tested against. L may be less than the context length: under the
        causal mask nothing after [EOS] is seen.
        """
        x_NLC = self.token_embedding(tokens_NL) + self.positional_embedding[: tokens_NL.shape[1]]
        layout = Padded(eos_N)
        return self._project(layout.pool(self.transformer(x_NLC, layout, pooled=False)))

    def _project(self, x_NC: torch.Tensor) -> torch.Tensor:
        return self.ln_final(x_NC) @ self.text_projection
