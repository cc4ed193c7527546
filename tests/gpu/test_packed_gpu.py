"""Packed captions on a CUDA GPU: torch's kernel for variable lengths gives what the padded tower gives in float64."""

import copy

import pytest
import torch

from trainer.data.packed_texts import PackedTexts
from trainer.model.precision import has_flash
from trainer.model.text import TextTransformer
from trainer.presets import TextConfig

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

CONFIG = TextConfig(width=128, layers=3, heads=2, context_length=77, vocab_size=500)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_features_and_gradients_are_the_padded_towers(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    encoder = TextTransformer(CONFIG, 64).cuda()
    lengths = torch.randint(2, 78, (60,)).tolist()
    texts = PackedTexts.from_rows([torch.randint(0, 500, (length,)).tolist() for length in lengths]).to("cuda")
    exact = copy.deepcopy(encoder).double()
    wanted = exact.encode_padded(*texts.padded(77))
    weights = torch.randn_like(wanted)
    (wanted * weights).sum().backward()
    with torch.autocast("cuda", dtype, enabled=dtype != torch.float32):
        assert has_flash(encoder.text_projection, encoder.head_width) is (dtype != torch.float32)
        found = encoder(texts)
    (found * weights).sum().backward()
    within = {torch.bfloat16: 0.03, torch.float16: 0.005, torch.float32: 1e-4}[dtype]
    assert (found - wanted).norm() < within * wanted.norm()
    for parameter, expected in zip(encoder.parameters(), exact.parameters(), strict=True):
        assert parameter.grad is not None
        assert expected.grad is not None
        assert (parameter.grad - expected.grad).norm() < 3 * within * expected.grad.norm()


def test_all_positions_stand_in_the_texts_order() -> None:
    torch.manual_seed(0)
    encoder = TextTransformer(CONFIG, 64).cuda()
    texts = PackedTexts.from_rows([[1, 2, 3], [4, 5], [6] * 77]).to("cuda")
    with torch.autocast("cuda", torch.bfloat16):
        positions = encoder.encode_positions(texts)
        features = encoder.ln_final(positions[texts.eos_N.long()]) @ encoder.text_projection
        assert (features - encoder(texts)).norm() < 0.03 * features.norm()
