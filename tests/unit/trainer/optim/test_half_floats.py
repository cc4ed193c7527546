"""bfloat16 in kernels: read exactly, rounded to nearest as torch does, or stochastically with the right mean."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from schemas.kernels.compiled import unlocked
from trainer.optim.half_floats import load_float, store_nearest, store_stochastic

Float32s = npt.NDArray[np.float32]
Halves = npt.NDArray[np.uint16]

ODD = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 3.3e38, -3.4e38, 1e-40, -1e-45, 1 + 2**-8, 1 + 3 * 2**-8], dtype=np.float32
)


@unlocked
def _load_all(halves: Halves, out: Float32s) -> None:
    for i in range(len(halves)):
        out[i] = load_float(halves, i)


@unlocked
def _store_all_nearest(values: Float32s, out: Halves) -> None:
    for i in range(len(values)):
        store_nearest(out, i, values[i])


@unlocked
def _store_all(values: Float32s, draws: npt.NDArray[np.uint64], out: Halves) -> None:
    for i in range(len(values)):
        store_stochastic(out, i, values[i], draws[i])


def as_halves(array: Halves) -> torch.Tensor:
    return torch.from_numpy(array).view(torch.bfloat16)


def values(number: int = 10_000) -> Float32s:
    drawn = np.random.default_rng(0).integers(0, 1 << 32, number, dtype=np.uint32).view(np.float32)
    return np.concatenate([ODD, drawn[~np.isnan(drawn)]])


def test_each_half_is_read_exactly() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16)
    out = np.empty(len(halves), dtype=np.float32)
    _load_all(halves, out)
    assert torch.equal(torch.from_numpy(out).view(torch.int32), as_halves(halves).float().view(torch.int32))


def test_nearest_is_torchs() -> None:
    given = values()
    out = np.empty(len(given), dtype=np.uint16)
    _store_all_nearest(given, out)
    wanted = torch.from_numpy(given).bfloat16()
    torch.testing.assert_close(as_halves(out), wanted, rtol=0, atol=0, equal_nan=True)
    signs = (torch.signbit(halves)[~halves.isnan()] for halves in (as_halves(out), wanted))
    assert torch.equal(*signs)


@pytest.mark.parametrize("value", [1.0 + 2**-10, -3.1, 7e-5, 1e-39])
def test_the_mean_of_stochastic_roundings_is_the_value(value: float) -> None:
    given = np.full(1 << 16, value, dtype=np.float32)
    out = np.empty(len(given), dtype=np.uint16)
    _store_all(given, np.arange(len(given), dtype=np.uint64), out)  # every draw once: the mean is exact
    rounded = as_halves(out).double()
    assert len(set(rounded.tolist())) == 2
    assert float(rounded.mean()) == pytest.approx(float(np.float32(value)), rel=1e-12)


def test_what_halves_can_hold_is_never_moved() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16)
    given = as_halves(halves).float()
    given = given[~given.isnan()].numpy()
    for draw in (0, 0xFFFF, 0xFFFFFFFFFFFF1234):
        out = np.empty(len(given), dtype=np.uint16)
        _store_all(given, np.full(len(given), draw, dtype=np.uint64), out)
        assert np.array_equal(as_halves(out).float().numpy(), given)


def test_what_is_no_number_stays_none() -> None:
    zero = np.zeros(1, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        given = np.concatenate([zero / zero, -(zero / zero), np.array([np.nan, -np.nan], dtype=np.float32)])
    for store in (_store_all_nearest, lambda of, into: _store_all(of, np.full(4, 0xFFFF, dtype=np.uint64), into)):
        out = np.zeros(len(given), dtype=np.uint16)
        store(given, out)
        assert torch.all(as_halves(out).isnan())
