"""The text encoder is causal, and its feature is that of [EOS], found by position."""

import torch

from trainer.model.text import TextTransformer
from trainer.presets import TextConfig

TEXT = TextConfig(width=32, layers=2, heads=4, context_length=12, vocab_size=50)


def test_nothing_after_eos_is_seen() -> None:
    encoder = TextTransformer(TEXT, 16)
    tokens = torch.randint(1, 50, (1, 12))
    eos = torch.tensor([5])
    wanted = encoder.encode_padded(tokens, eos)
    torch.testing.assert_close(encoder.encode_padded(tokens[:, :6], eos), wanted)
    changed = tokens.clone()
    changed[0, 6:] = 0
    torch.testing.assert_close(encoder.encode_padded(changed, eos), wanted)
    changed[0, 2] = (changed[0, 2] + 1) % 50
    assert (encoder.encode_padded(changed, eos) - wanted).abs().max() > 1e-4


def test_eos_is_found_by_position_not_by_the_largest_id() -> None:
    encoder = TextTransformer(TEXT, 16)
    tokens = torch.tensor([[1, 49, 2, 3, 4, 0]])
    assert (
        encoder.encode_padded(tokens, torch.tensor([4])) - encoder.encode_padded(tokens, torch.tensor([1]))
    ).abs().max() > 1e-4
