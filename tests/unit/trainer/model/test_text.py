"""The text encoder is causal, and its feature is that of [EOS], found by position."""

import pytest
import torch

from trainer.data.packed_texts import PackedTexts
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


def packed_texts(num: int) -> PackedTexts:
    generator = torch.Generator().manual_seed(num)
    lengths = torch.randint(1, 13, (num,), generator=generator).tolist()
    return PackedTexts.from_rows([torch.randint(0, 50, (length,), generator=generator).tolist() for length in lengths])


@pytest.mark.parametrize("num", [1, 2, 40])
def test_packed_texts_have_the_padded_towers_features_and_gradients(num: int) -> None:
    torch.manual_seed(0)
    encoder = TextTransformer(TEXT, 16).double()
    for parameter in encoder.parameters():  # biases of zero hide faults
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    texts = packed_texts(num)
    found, wanted = encoder(texts), encoder.encode_padded(*texts.padded(12))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-13)
    weights = torch.randn_like(found)
    gradients = torch.autograd.grad((found * weights).sum(), list(encoder.parameters()))
    for gradient, expected in zip(
        gradients, torch.autograd.grad((wanted * weights).sum(), list(encoder.parameters())), strict=True
    ):
        assert (gradient - expected).abs().max() <= 1e-12 * expected.abs().max()


def test_a_texts_feature_does_not_depend_on_those_beside_it() -> None:
    torch.manual_seed(0)
    encoder, texts = TextTransformer(TEXT, 16), packed_texts(30)
    features = encoder(texts)
    for start, stop in ((0, 7), (7, 8), (8, 30)):
        torch.testing.assert_close(encoder(texts.rows(start, stop)), features[start:stop], rtol=1e-5, atol=1e-5)


def test_all_positions_stand_in_the_texts_order() -> None:
    torch.manual_seed(0)
    encoder, texts = TextTransformer(TEXT, 16).double(), packed_texts(9)
    positions = encoder.encode_positions(texts)
    assert positions.shape == (len(texts.tokens_T), 32)
    features = encoder.ln_final(positions[texts.eos_N.long()]) @ encoder.text_projection
    torch.testing.assert_close(features, encoder(texts), rtol=0, atol=1e-13)


def test_autocast_is_followed() -> None:
    torch.manual_seed(0)
    encoder, texts = TextTransformer(TEXT, 16), packed_texts(6)
    exact = encoder(texts)
    with torch.autocast("cpu", torch.bfloat16):
        assert (encoder(texts) - exact).norm() < 0.03 * exact.norm()
