"""Patch dropout: draws by place and seed alone, uniform; the encoder sees the kept patches and no others."""

import pytest
import torch

from tests.support.small_towers import VIT, feature_gradients, images, moved_clip, texts
from trainer.model.patch_dropout import PatchDropout, mix64


def test_draws_are_split_mix_64s() -> None:
    """The first outputs for the state 1234567, as its authors' test gives them."""
    golden = 0x9E3779B97F4A7C15
    states = [(1234567 + step * golden) % 2**64 for step in range(3)]
    signed = torch.tensor([state - 2**64 * (state >= 2**63) for state in states], dtype=torch.int64)
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(draw) % 2**64 for draw in mix64(signed)] == wanted


def test_a_place_draws_the_same_in_any_batch_and_another_in_any_other() -> None:
    dropout = PatchDropout(0.5, seed=3)
    whole = dropout.kept(torch.arange(1_000, 1_064), 49)
    assert whole.shape == (64, 24)
    assert torch.equal(whole[10:20], dropout.kept(torch.arange(1_010, 1_020), 49))
    assert len({tuple(row) for row in whole.tolist()}) == 64
    assert not torch.equal(whole, PatchDropout(0.5, seed=4).kept(torch.arange(1_000, 1_064), 49))
    assert (whole.diff(dim=1) > 0).all()
    assert whole.min() >= 0
    assert whole.max() < 49


def test_patches_are_kept_equally_often_and_independently() -> None:
    kept = PatchDropout(0.75, seed=0).kept(torch.arange(20_000), 16)
    held = torch.zeros(20_000, 16).scatter_(1, kept, 1.0)
    assert (held.mean(0) - 0.25).abs().max() < 0.015
    together = held.T @ held / 20_000
    assert (together[~torch.eye(16, dtype=torch.bool)] - 0.25 * 3 / 15).abs().max() < 0.01


def test_one_patch_is_always_kept() -> None:
    assert PatchDropout(0.99, seed=0).kept(torch.arange(2), 16).shape == (2, 1)


def test_dropped_patches_are_not_seen_and_kept_ones_stand_where_they_did() -> None:
    model = moved_clip(VIT).double()
    model.patch_dropout = PatchDropout(0.5, seed=0)
    places, pixels = torch.arange(7, 10), images(3)
    wanted = model.encode_images(pixels, places)
    kept = model.patch_dropout.kept(places, 16)
    changed = pixels.clone()
    for row in range(3):
        for patch in set(range(16)) - set(kept[row].tolist()):
            y, x = 8 * (patch // 4), 8 * (patch % 4)
            changed[row, :, y : y + 8, x : x + 8] = 0
    assert torch.equal(model.encode_images(changed, places), wanted)
    changed[0, :, 8 * (int(kept[0, 0]) // 4), 8 * (int(kept[0, 0]) % 4)] += 1
    assert not torch.equal(model.encode_images(changed, places)[0], wanted[0])
    every = torch.arange(16).expand(3, -1)
    encoder, scale, shift = model.image_encoder, torch.full((3,), 0.01).double(), torch.full((3,), -1.0).double()
    torch.testing.assert_close(encoder(pixels, scale, shift, every), encoder(pixels, scale, shift), rtol=0, atol=1e-13)


def test_micro_batches_draw_what_the_batch_draws() -> None:
    model = moved_clip(VIT).double()
    model.patch_dropout = PatchDropout(0.5, seed=0)
    places, pixels = torch.arange(40, 46), images(6)
    parts = [model.encode_images(pixels[rows], places[rows]) for rows in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(torch.cat(parts), model.encode_images(pixels, places), rtol=0, atol=1e-13)


def test_evaluation_sees_all_and_training_needs_places() -> None:
    model, plain = moved_clip(VIT), moved_clip(VIT)
    model.patch_dropout = PatchDropout(0.5, seed=0)
    with pytest.raises(ValueError, match="places in the run, found none"):
        model(images(2), texts(2))
    assert len(feature_gradients(model, 2, torch.arange(2))) == len(feature_gradients(plain, 2))
    model.eval()
    assert torch.equal(model.encode_images(images(2)), plain.encode_images(images(2)))
