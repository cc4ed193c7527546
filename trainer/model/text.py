"""The text encoder: a causal transformer whose output at the [EOS] position is the feature.

Shapes: N texts, L positions, C channels, E embedding.
"""

import torch
from torch import nn

from trainer.data.packed_texts import PackedTexts
from trainer.model.transformer import Transformer
from trainer.presets import TextConfig


class TextTransformer(nn.Module):
    """Token ids to one feature per text (CLIP, section 2.4)."""

    def __init__(self, config: TextConfig, embed_dim: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.width))
        self.transformer = Transformer(
            config.width,
            config.layers,
            config.heads,
            causal=True,
            mlp_width=config.mlp_width,
            activation=config.activation,
        )
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = nn.Parameter(torch.empty(config.width, embed_dim))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=config.width**-0.5)
        self.transformer.initialise_as_released()

    def forward(self, texts: PackedTexts) -> torch.Tensor:
        """Return features ``[N, E]``, not normalised."""
        return self.encode_padded(*texts.padded())

    def encode_padded(self, tokens_NL: torch.Tensor, eos_N: torch.Tensor) -> torch.Tensor:
        """Return features ``[N, E]``, not normalised; ``eos_N`` is the position of [EOS] in each row.

        L may be less than the context length: under the causal mask nothing after [EOS] is seen.
        """
        x_NLC = self.token_embedding(tokens_NL) + self.positional_embedding[: tokens_NL.shape[1]]
        x_NLC = self.transformer(x_NLC)
        at_eos_NC = x_NLC[torch.arange(len(x_NLC), device=x_NLC.device), eos_N]
        return self.ln_final(at_eos_NC) @ self.text_projection
